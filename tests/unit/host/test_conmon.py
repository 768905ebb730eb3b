from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from hostpod.host.cgroup import CgroupError
from hostpod.host.conmon import Conmon, ConmonError, ContainerRefusedError, was_oom_killed

NOTHING: Mapping[str, bool] = {}


def monitor(tmp_path: Path, script: str) -> Conmon:
    """conmon is a script here: what it writes to the pipe is what is tested."""
    binary = tmp_path / "conmon"
    binary.write_text(f"#!/bin/sh\nPIPE=/proc/self/fd/$_OCI_SYNCPIPE\n{script}\n")
    binary.chmod(0o755)
    return Conmon(
        binary=binary,
        runc="/bin/true",
        runc_root=tmp_path / "runc",
        exit_dir=tmp_path / "run" / "exits",
        socket_dir=tmp_path / "run" / "attach",
    )


def create(
    conmon: Conmon,
    tmp_path: Path,
    log_path: Path | None = None,
    *,
    journal: bool = False,
    systemd_cgroup: bool = False,
    stdio: Mapping[str, bool] = NOTHING,
    place: Callable[[int], Awaitable[None]] | None = None,
) -> int:
    creation = conmon.create(
        "c1",
        bundle=tmp_path,
        log_path=log_path or tmp_path / "log",
        pid_file=tmp_path / "pid",
        conmon_pid_file=tmp_path / "conmon.pid",
        name="web",
        journal=journal,
        systemd_cgroup=systemd_cgroup,
        place=place,
        **stdio,
    )
    return asyncio.run(creation)


@pytest.mark.parametrize(
    ("stdio", "words"),
    [
        ({}, []),
        ({"stdin": True}, ["--stdin", "--leave-stdin-open"]),
        ({"stdin": True, "stdin_once": True}, ["--stdin"]),
        ({"stdin_once": True, "tty": True}, ["--terminal"]),
    ],
)
def test_stdio(tmp_path: Path, stdio: Mapping[str, bool], words: list[str]) -> None:
    script = """echo "$@" > args; echo '{"data": 42}' > $PIPE"""
    create(monitor(tmp_path, script), tmp_path, stdio=stdio)
    arguments = (tmp_path / "args").read_text().split()
    assert [each for each in arguments if "stdin" in each or "terminal" in each] == words


def test_the_pid_comes_through_the_pipe_and_nothing_is_inherited(tmp_path: Path) -> None:
    script = """ls /proc/self/fd > fds; env > env; echo "$@" > args; echo '{"data": 42}' > $PIPE"""
    assert create(monitor(tmp_path, script), tmp_path) == 42
    assert len((tmp_path / "fds").read_text().split()) == 5, "stdio, the pipe, and the one that ls opens"
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names - {"PWD", "_", "SHLVL"} == {"PATH", "GOMAXPROCS", "_OCI_SYNCPIPE"}
    assert f"--log-path k8s-file:{tmp_path}/log --no-sync-log" in (tmp_path / "args").read_text()
    assert stat.S_IMODE((tmp_path / "run" / "exits").stat().st_mode) == 0o700


def test_runc_has_systemd_make_the_cgroup_when_conmon_is_told(tmp_path: Path) -> None:
    script = """echo "$@" > args; echo '{"data": 42}' > $PIPE"""
    create(monitor(tmp_path, script), tmp_path)
    assert "--systemd-cgroup" not in (tmp_path / "args").read_text()
    create(monitor(tmp_path, script), tmp_path, systemd_cgroup=True)
    assert "--systemd-cgroup" in (tmp_path / "args").read_text().split()


def test_lines_go_to_the_journal_as_well_when_it_is_asked_for(tmp_path: Path) -> None:
    script = """echo "$@" > args; echo '{"data": 42}' > $PIPE"""
    create(monitor(tmp_path, script), tmp_path)
    assert "journald" not in (tmp_path / "args").read_text()
    create(monitor(tmp_path, script), tmp_path, journal=True)
    words = (tmp_path / "args").read_text().split()
    logs = [words[place + 1] for place, word in enumerate(words) if word == "--log-path"]
    assert logs == [f"k8s-file:{tmp_path}/log", "journald:"]


# As conmon does: a read of the pipe before anything else; its end lets it go on as well.
GATED = """head -c 1 < /proc/self/fd/$_OCI_STARTPIPE > byte; echo $$ > pid; echo '{"data": 42}' > $PIPE"""


def test_a_monitor_waits_until_it_is_in_its_place(tmp_path: Path) -> None:
    placed = []

    async def place(pid: int) -> None:
        await asyncio.sleep(0.05)
        assert not (tmp_path / "pid").exists(), "it waits"
        placed.append(pid)

    assert create(monitor(tmp_path, GATED), tmp_path, place=place) == 42
    assert placed == [int((tmp_path / "pid").read_text())]
    assert (tmp_path / "byte").read_bytes() == b"\0"


def test_a_monitor_without_a_place_never_goes_on(tmp_path: Path) -> None:
    placed = []

    async def place(pid: int) -> None:
        placed.append(pid)
        raise CgroupError("no scope for you")

    with pytest.raises(CgroupError, match=r"^no scope for you$"):
        create(monitor(tmp_path, GATED), tmp_path, place=place)
    with pytest.raises(ProcessLookupError):
        os.kill(placed[0], 0)
    assert not (tmp_path / "pid").exists()


def test_a_monitor_that_ends_before_it_is_in_its_place_is_heard(tmp_path: Path) -> None:
    async def place(pid: int) -> None:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - it ends at once
        raise CgroupError("systemd's job ended as failed")

    with pytest.raises(ConmonError, match=r"^cannot create the container: conmon: no log$"):
        create(monitor(tmp_path, "echo no log >&2; exit 1"), tmp_path, place=place)


@pytest.mark.parametrize(
    "words", ['exec: "foo": executable file not found in $PATH', "mkdir /etc/passwd: not a directory"]
)
def test_a_program_at_fault_is_told_apart(tmp_path: Path, words: str) -> None:
    log = {"level": "error", "msg": f"runc create failed: unable to start container process: {words}"}
    (tmp_path / "answer").write_text(json.dumps(log) + "\n")
    script = """cp answer runtime.log; echo '{"data": -1}' > $PIPE"""
    with pytest.raises(ContainerRefusedError) as refused:
        create(monitor(tmp_path, script), tmp_path)
    assert str(refused.value) == words


def test_other_failures_have_runc_s_words(tmp_path: Path) -> None:
    (tmp_path / "answer").write_text(json.dumps({"data": -1, "message": "runc create failed: no cgroup\n"}) + "\n")
    script = "cat answer > $PIPE"
    with pytest.raises(ConmonError, match=r"^cannot create the container: no cgroup$") as failed:
        create(monitor(tmp_path, script), tmp_path)
    assert not isinstance(failed.value, ContainerRefusedError)


def test_conmon_s_own_failure_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConmonError, match=r"^cannot create the container: conmon: no log$"):
        create(monitor(tmp_path, "echo no log >&2; exit 1"), tmp_path)
    with pytest.raises(ConmonError, match=r"^cannot create the container: conmon: exit code 3$"):
        create(monitor(tmp_path, "exit 3"), tmp_path)
    with pytest.raises(ConmonError, match=r"^cannot create the container: conmon ended without a word$"):
        create(monitor(tmp_path, "exit 0"), tmp_path)
    with pytest.raises(ConmonError, match=r"^cannot create the container: garbage$"):
        create(monitor(tmp_path, "echo garbage > $PIPE"), tmp_path)


def test_missing_programs_and_odd_log_paths_are_said(tmp_path: Path) -> None:
    conmon = monitor(tmp_path, "exit 0")
    with pytest.raises(ConmonError, match="conmon takes no colon in a log's path"):
        create(conmon, tmp_path, Path("/var/log/a:b"))
    conmon.runc = "no-such-runc"
    with pytest.raises(ConmonError, match="cannot run no-such-runc: no such program"):
        create(conmon, tmp_path)
    conmon.runc, conmon.binary = "/bin/true", "/nowhere/conmon"
    with pytest.raises(ConmonError, match="cannot create the container: cannot run /nowhere/conmon"):
        create(conmon, tmp_path)


def test_what_it_leaves_is_read_and_forgotten(tmp_path: Path) -> None:
    conmon = monitor(tmp_path, "")
    for directory in (conmon.exit_dir, conmon.socket_dir):
        directory.mkdir(parents=True)
    assert conmon.exit_code("c1") is None
    (conmon.exit_dir / "c1").write_text("137")
    (conmon.socket_dir / "c1").symlink_to(tmp_path)
    assert conmon.exit_code("c1") == 137
    conmon.forget("c1")
    conmon.forget("c1")
    assert conmon.exit_code("c1") is None
    assert not list(conmon.socket_dir.iterdir())


def test_the_file_that_tells_of_an_oom_kill(tmp_path: Path) -> None:
    assert not was_oom_killed(tmp_path)
    (tmp_path / "oom").touch()
    assert was_oom_killed(tmp_path)
