from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from hostpod.config import Config
from hostpod.daemon import serve as daemon
from hostpod.network import NetworkError
from hostpod.server.listen import ListenError
from tests.unit.daemon.places import places


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ListenError("cannot listen on 127.0.0.1:10255"), 1, "hostpod: cannot listen on 127.0.0.1:10255\n"),
        (OSError("no space left on device"), 1, "hostpod: no space left on device\n"),
        (PermissionError(13, "Permission denied", "/run/x"), 1, "hostpod: /run/x: permission denied\n"),
        (
            ExceptionGroup("tasks", [ExceptionGroup("inner", [OSError(28, "No space left on device")])]),
            1,
            "hostpod: no space left on device\n",
        ),
        (
            ExceptionGroup("tasks", [NetworkError("no bridge"), RuntimeError("a bug")]),
            daemon.EXIT_SOFTWARE,
            "a fault of hostpod's own ended the daemon; containers go on",
        ),
        (RuntimeError("a bug"), daemon.EXIT_SOFTWARE, "a fault of hostpod's own ended the daemon; containers go on"),
    ],
)
def test_what_the_world_refuses_is_a_line_and_a_bug_is_told_apart(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    words: str,
) -> None:
    async def fail(_config: Config, _read: object) -> None:
        raise error

    monkeypatch.setattr(daemon, "_serve", fail)
    monkeypatch.setattr("hostpod.daemon.serve.journal.set_up", lambda _level: None)
    monkeypatch.setattr("hostpod.daemon.serve.allow_many_descriptors", lambda: None)
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr(daemon.log, "critical", lambda text, **_: said.append(text))
        assert daemon.serve(places(tmp_path), Config) == code
    assert "".join([*said, capsys.readouterr().err]) == words


# A start that takes long


def test_a_start_is_cut_short_by_a_stop_and_a_second_one_changes_nothing() -> None:
    undone: list[str] = []

    async def start() -> str:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            undone.append("begun")
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)
            undone.append("ended")
        return "started"

    async def run() -> tuple[str | None, bool]:
        asked = daemon._Signals()
        return await asked.unless_stopped(start()), asked.stop.is_set()

    assert asyncio.run(run()) == (None, True)
    assert undone == ["begun", "ended"]


def test_a_stop_that_comes_later_is_only_noted() -> None:
    async def start() -> str:
        return "started"

    async def run() -> str | None:
        asked = daemon._Signals()
        started = await asked.unless_stopped(start())
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(asked.stop.wait(), 10)
        return started

    assert asyncio.run(run()) == "started"


def test_a_start_that_runs_out_of_time_itself_is_not_taken_for_a_stop() -> None:
    async def start() -> str:
        raise TimeoutError("the disk does not answer")

    with pytest.raises(TimeoutError, match="the disk does not answer"):
        asyncio.run(daemon._Signals().unless_stopped(start()))


@pytest.mark.parametrize("stop_pods", [False, True])
def test_what_is_told_of_a_start_that_was_cut_short(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, stop_pods: bool
) -> None:
    caplog.set_level("INFO")
    daemon._cut_short(places(tmp_path).model_copy(update={"stop_pods_on_exit": stop_pods}))
    assert "stopping before the start was over; containers go on" in caplog.text
    assert ("end them with: hostpod drain" in caplog.text) == stop_pods
