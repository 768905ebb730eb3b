from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from hostpod.config import EventsConfig
from hostpod.engine import event_file
from hostpod.engine.event_file import WAITING_MOST, EventFile
from hostpod.engine.events import EventLog, bound_of
from hostpod.kube import Pod
from hostpod.plan.happenings import Event, read_events
from lab.place import patient


def pod_named(name: str, uid: str = "u1") -> Pod:
    spec = {"initContainers": [{"name": "first"}], "containers": [{"name": "web"}]}
    return Pod.model_validate({"metadata": {"name": name, "namespace": "default", "uid": uid}, "spec": spec})


POD = pod_named("web-host")
SMALL = EventsConfig(max_bytes=65536)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_file, "PAUSE_S", 0.0)
    monkeypatch.setattr(event_file, "RETRY_S", 0.01)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def kept(path: Path, config: EventsConfig = SMALL, now: Callable[[], float] = Clock()) -> Iterator[EventLog]:  # noqa: B008
    log = EventLog(node="host", now=now, bound=bound_of(config))
    with log.kept(path, config):
        yield log


def on_disk(path: Path) -> list[Event]:
    return read_events(path.read_bytes()) if path.exists() else []


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + patient(20)
    while not holds():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


def started(log: EventLog, message: str = "Started") -> None:
    log.pod(POD, "Normal", "Started", message, container="web")


def counts(log: EventLog) -> list[tuple[str, int]]:
    return [(event["message"], event["count"]) for event in log.rendered()]


def test_the_next_daemon_goes_on_counting(path: Path) -> None:
    with kept(path) as log:
        started(log)
        started(log, "Started again")
        started(log)
        before = log.rendered()
    with kept(path) as log:
        assert log.rendered() == before
        started(log)
        assert counts(log) == [("Started again", 1), ("Started", 3)]
    assert [event.count for event in on_disk(path)] == [1, 3]
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_happened_is_on_disk_while_the_daemon_runs(path: Path) -> None:
    with kept(path) as log:
        started(log)
        eventually(lambda: len(on_disk(path)) == 1)
        started(log, "2")
        eventually(lambda: len(on_disk(path)) == 2)


def test_half_a_line_takes_nothing_along(path: Path) -> None:
    with kept(path) as log:
        started(log, "1")
        started(log, "2")
    path.write_bytes(path.read_bytes()[:-20])
    with kept(path) as log:
        assert counts(log) == [("1", 1)]
        started(log, "3")
    assert [event.message for event in on_disk(path)] == ["1", "3"]
    assert all(json.loads(line) for line in path.read_bytes().splitlines())


def test_the_file_is_bounded(path: Path) -> None:
    most = 0
    with kept(path) as log:
        for number in range(2000):
            log.pod(pod_named(f"p{number}", "u"), "Normal", "Pulled", "x" * (number % 500))
            if path.exists():
                most = max(most, path.stat().st_size)
        known = log.rendered()
    assert max(most, path.stat().st_size) <= SMALL.max_bytes * 2 // 3
    assert 20 < len(known) < 2000
    with kept(path) as log:
        assert log.rendered() == known


def test_repeats_do_not_let_the_file_grow_for_ever(path: Path) -> None:
    with kept(path) as log:
        for _ in range(200):
            started(log, "x" * 1000)
            eventually(lambda: not log_waits(log))
    assert path.stat().st_size <= SMALL.max_bytes * 2 // 3
    assert [event.count for event in on_disk(path)] == [200]


def log_waits(log: EventLog) -> bool:
    return log._file is not None and bool(log._file._waiting)


def test_a_smaller_bound_holds_from_the_start(path: Path) -> None:
    with kept(path, EventsConfig()) as log:
        for number in range(500):
            log.pod(pod_named(f"p{number}", "u"), "Normal", "Pulled", "x" * 300)
    assert path.stat().st_size > SMALL.max_bytes
    with kept(path) as log:
        assert 20 < len(log.rendered()) < 500
    assert path.stat().st_size <= SMALL.max_bytes // 3


def test_what_is_too_old_is_gone_from_the_disk_too(path: Path) -> None:
    clock = Clock()
    with kept(path, now=clock) as log:
        started(log, "old")
        eventually(lambda: on_disk(path))
        clock.now += SMALL.max_age_s
        started(log, "new")
        eventually(lambda: len(on_disk(path)) == 2)
        clock.now += 1
        assert counts(log) == [("new", 1)]
        started(log, "newer")
        eventually(lambda: [event.message for event in on_disk(path)] == ["new", "newer"])
    clock.now += SMALL.max_age_s * 2
    with kept(path, now=clock) as log:
        assert log.rendered() == []
    assert path.read_bytes() == b""


def test_a_disk_that_refuses_is_told_once_and_tried_again(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hostpod.engine.event_file")
    path.mkdir()  # root may write anywhere, but not here
    with kept(path) as log:
        for number in range(5):
            started(log, f"{number}")
        eventually(lambda: len(caplog.messages) == 2)
        assert counts(log) == [(f"{number}", 1) for number in range(5)]
        path.rmdir()
        eventually(lambda: len(on_disk(path)) == 5)
    assert caplog.messages == [
        f"cannot read earlier events from {path}: is a directory",
        f"cannot write {path}: is a directory; events are kept in memory meanwhile",
        "events are on disk again",
    ]


def test_a_full_disk_keeps_no_half_written_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with kept(path) as log:
        started(log, "1")
    limit, write = 0, os.write

    def full(descriptor: int, data: bytes) -> int:
        if limit is None or ".jsonl" not in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            return write(descriptor, data)
        if not limit:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:limit])

    monkeypatch.setattr(os, "write", full)
    with kept(path) as log:
        started(log, "2")
        eventually(lambda: caplog.messages)
        limit = None  # type: ignore[assignment]
        eventually(lambda: len(on_disk(path)) == 2)
        limit = 0
        started(log, "3")
    assert [event.message for event in on_disk(path)] == ["1", "2"]
    assert [each.name for each in path.parent.iterdir()] == ["events.jsonl"]
    limit = None  # type: ignore[assignment]
    with kept(path) as log:
        assert counts(log) == [("1", 1), ("2", 1)]


def test_a_file_that_somebody_removed_is_whole_again_with_the_next_event(path: Path) -> None:
    with kept(path) as log:
        started(log, "1")
        eventually(lambda: on_disk(path))
        path.unlink()
        started(log, "2")
        eventually(lambda: len(on_disk(path)) == 2)


def test_what_waits_for_a_disk_that_hangs_is_bounded(path: Path) -> None:
    events: list[Event] = []
    hangs, reached = threading.Event(), threading.Event()

    def everything() -> Sequence[Event]:
        reached.set()
        hangs.wait()
        return events

    log = EventLog(node="host", now=Clock())
    started(log)
    (one,) = log._everything()
    with EventFile(path, limit_bytes=10**7, age_s=10**6, everything=everything, now=Clock()) as file:
        file.put(one)
        reached.wait()
        for serial in range(1, WAITING_MOST + 10):
            event = Event(
                about=one.about, type="Normal", reason="r", message="m", first_at=1, last_at=1, count=1, serial=serial
            )
            events.append(event)
            file.put(event)
        assert len(file._waiting) < 10
        hangs.set()
        eventually(lambda: len(on_disk(path)) == WAITING_MOST + 9)


def test_nothing_is_written_while_nothing_happens(path: Path) -> None:
    with kept(path) as log:
        assert log.rendered() == []
    assert not path.exists()
