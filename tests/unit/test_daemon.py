from __future__ import annotations

import asyncio
import os
import stat
from collections import Counter
from pathlib import Path

import pytest

from hostpod import daemon
from hostpod.config import Config
from hostpod.engine.paths import Paths
from hostpod.manifest import Problem
from hostpod.server.listen import ListenError
from hostpod.sources.snapshot import FileProblem


def places(directory: Path) -> Config:
    names = {name: str(directory / name.lower()) for name in ("state", "runtime", "logs", "logLinks")}
    return Config.model_validate({"nodeName": "host", "directories": names})


def paths(directory: Path) -> Paths:
    return Paths.of(places(directory).directories)


def test_the_directories_are_for_the_daemon_and_the_logs_for_everybody(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with daemon._own(paths(tmp_path)):
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "runtime").iterdir()}
            logs = stat.S_IMODE((tmp_path / "logs").stat().st_mode)
    finally:
        os.umask(before)
    assert {name for name, mode in modes.items() if mode == 0o700} >= {"pods", "runc", "exits", "attach", "leases"}
    assert logs == 0o755


def test_directories_belong_to_one_daemon_at_a_time(tmp_path: Path) -> None:
    refused = pytest.raises(daemon.StartError, match=r"another hostpod runs on .*runtime: stop it, or set directories")
    with daemon._own(paths(tmp_path)), refused, daemon._own(paths(tmp_path)):
        pass
    with daemon._own(paths(tmp_path)):
        pass


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert daemon._found("sh").endswith("/sh")
    with pytest.raises(daemon.StartError, match="/none/runc: no such program; install its package, or set its path"):
        daemon._found("/none/runc")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ListenError("cannot listen on 127.0.0.1:10255"), 1, "hostpod: cannot listen on 127.0.0.1:10255\n"),
        (OSError("no space left on device"), 1, "hostpod: no space left on device\n"),
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
    async def fail(_config: Config) -> None:
        raise error

    monkeypatch.setattr(daemon, "_serve", fail)
    monkeypatch.setattr("hostpod.daemon.journal.set_up", lambda _level: None)
    monkeypatch.setattr("hostpod.daemon.allow_many_descriptors", lambda: None)
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr(daemon.log, "critical", lambda text, **_: said.append(text))
        assert daemon.serve(places(tmp_path)) == code
    assert "".join([*said, capsys.readouterr().err]) == words


def test_a_problem_as_people_see_it() -> None:
    problem = Problem(file="web.yaml", line=3, column=5, path="spec.x", message="unknown field")
    shown = daemon._problem(FileProblem(problem=problem, kept_pods=("a-host", "b-host")))
    assert shown == {
        "file": "web.yaml",
        "line": 3,
        "column": 5,
        "path": "spec.x",
        "message": "unknown field",
        "text": "web.yaml:3: spec.x: unknown field",
        "keptPod": "a-host, b-host",
    }
    assert daemon._problem(FileProblem(problem=problem, kept_pods=()))["keptPod"] is None


def test_the_status_line_is_told_once_for_many_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("hostpod.daemon.notify.status", told.append)
    monkeypatch.setattr(daemon, "STATUS_DELAY_S", 0.0)

    async def run() -> None:
        counts: Counter[str] = Counter()
        line = daemon.StatusLine(asyncio.get_running_loop())
        line.changed()  # nothing to tell of yet
        line.show(lambda: counts)
        counts.update(["Running", "Pending", "Running"])
        for _ in range(5):
            line.changed()
        await asyncio.sleep(0.01)

    asyncio.run(run())
    assert told == ["no pods", "3 pods: 1 pending, 2 running"]
