from __future__ import annotations

from pathlib import Path

import pytest

from hostpod.config import Config
from hostpod.daemon import serve as daemon
from hostpod.manifest import Problem
from hostpod.network import NetworkError
from hostpod.server.listen import ListenError
from hostpod.sources.snapshot import FileProblem
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
