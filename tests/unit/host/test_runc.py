from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from hostpod.host.pids import start_ticks
from hostpod.host.runc import Runc, RuncError, last_words, plain_words


@pytest.fixture
def runc(tmp_path: Path) -> Runc:
    """A root of its own, and for a binary a script that answers as runc does."""
    binary = tmp_path / "runc"
    binary.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "*--version) echo runc version 1.1.5+ds1; echo commit: x;;\n"
        '*"delete --force web") ;;\n'
        '*"state web") echo \'{"id": "web", "status": "running", "pid": 42, "bundle": "/b"}\';;\n'
        '*"state gone") echo \'time="x" level=error msg="container does not exist"\' >&2; exit 1;;\n'
        '*"state bad") printf %s \'time="x" level=error msg="load: \\"odd\\""\' >&2; exit 1;;\n'
        "*) exit 2;;\n"
        "esac\n"
    )
    binary.chmod(0o755)
    root = tmp_path / "root"
    for name in ("web", "gone", "bad"):
        (root / name).mkdir(parents=True)
    return Runc(binary=binary, root=root)


def test_the_version_is_the_first_line_s_last_word(runc: Runc) -> None:
    assert asyncio.run(runc.version()) == "1.1.5+ds1"


def test_state_is_read_and_absence_is_none(runc: Runc) -> None:
    state = asyncio.run(runc.state("web"))
    assert state is not None
    assert (state.status, state.pid, state.bundle) == ("running", 42, Path("/b"))
    assert asyncio.run(runc.state("gone")) is None
    assert asyncio.run(runc.state("never-there")) is None


def test_other_refusals_have_runc_s_words(runc: Runc) -> None:
    with pytest.raises(RuncError, match=r'^cannot read the state of bad: load: "odd"$'):
        asyncio.run(runc.state("bad"))


def test_ids_are_the_directories_below_the_root(runc: Runc, tmp_path: Path) -> None:
    (runc.root / "file").write_text("")
    assert runc.list_ids() == ("bad", "gone", "web")
    assert Runc(binary="runc", root=tmp_path / "nowhere").list_ids() == ()


def test_deleting_what_is_not_there_calls_nothing(runc: Runc) -> None:
    asyncio.run(runc.delete("never-there", force=True))


@pytest.mark.parametrize("noted", [{}, {"init_process_pid": 1, "init_process_start": 0}, {"init_process_pid": 1 << 30}])
def test_by_force_nothing_is_killed_that_is_not_the_container(
    runc: Runc, noted: dict[str, int], tmp_path: Path
) -> None:
    (runc.root / "web" / "state.json").write_text(json.dumps(noted))
    asyncio.run(runc.delete("web", force=True))


def test_by_force_the_first_process_is_killed(runc: Runc) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        noted = {"init_process_pid": process.pid, "init_process_start": start_ticks(process.pid)}
        (runc.root / "web" / "state.json").write_text(json.dumps(noted))
        asyncio.run(runc.delete("web", force=True))
        assert process.wait() == -9


@pytest.mark.parametrize(("systemd_cgroup", "told"), [(False, 0), (True, 1)])
def test_runc_has_systemd_make_a_cgroup_when_it_is_told(tmp_path: Path, told: int, *, systemd_cgroup: bool) -> None:
    binary = tmp_path / "runc"
    binary.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/args\n')
    binary.chmod(0o755)
    runc = Runc(binary=binary, root=tmp_path)
    asyncio.run(runc.run_detached("web", tmp_path, pid_file=tmp_path / "pid", systemd_cgroup=systemd_cgroup))
    before, _, after = (tmp_path / "args").read_text().partition(" run ")
    assert before.split().count("--systemd-cgroup") == told, "it is an option of runc, and not of its command"
    assert "--systemd-cgroup" not in after


def test_a_missing_binary_is_said(tmp_path: Path) -> None:
    with pytest.raises(RuncError, match=r"cannot start web: cannot run /nowhere/runc: "):
        asyncio.run(Runc(binary="/nowhere/runc", root=tmp_path).start("web"))


def test_a_detached_run_has_the_words_of_its_log(runc: Runc, tmp_path: Path) -> None:
    (tmp_path / "runtime.log").write_text(json.dumps({"level": "error", "msg": "runc run failed: no\n"}) + "\n")
    with pytest.raises(RuncError, match=r"^cannot run web: no$"):
        asyncio.run(runc.run_detached("web", tmp_path, pid_file=tmp_path / "pid"))
    (tmp_path / "runtime.log").unlink()
    with pytest.raises(RuncError, match=r"^cannot run web: runc ended with exit code 2$"):
        asyncio.run(runc.run_detached("web", tmp_path, pid_file=tmp_path / "pid"))


def test_the_command_that_runs_inside(tmp_path: Path) -> None:
    runc = Runc(binary="/sbin/no-such-runc", root=Path("/run/r"))
    assert runc.exec_argv("web", argv=["ls", "-l"]) == [
        "/sbin/no-such-runc",
        "--root",
        "/run/r",
        "exec",
        "--",
        "web",
        "ls",
        "-l",
    ]
    words = runc.exec_argv("web", argv=["ls"], log=Path("/run/l"))
    assert words[3:] == ["--log", "/run/l", "--log-format", "json", "exec", "--", "web", "ls"]
    words = runc.exec_argv("web", argv=["sh"], tty=True, env=["TERM=xterm"], cwd="/srv", user="33")
    assert words[4:] == ["--tty", "--env", "TERM=xterm", "--cwd", "/srv", "--user", "33", "--", "web", "sh"]


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        (
            'time="2026" level=error msg="runc create failed: unable to start container process: exec: \\"x\\": no"',
            'exec: "x": no',
        ),
        (
            'time="1" level=warning msg="w"\ntime="2" level=error msg="container does not exist"\n',
            "container does not exist",
        ),
        ("runc run failed: error during container init: mkdir /x: not a directory", "mkdir /x: not a directory"),
        ("container does not exist\n", "container does not exist"),
        (
            'runc run failed: unable to start unit "a.scope" (properties [{Name:D Value:"a (b)"}]): got `canceled`',
            'unable to start unit "a.scope": got `canceled`',
        ),
        ("", ""),
    ],
)
def test_words_without_their_wrapping(said: str, plain: str) -> None:
    assert plain_words(said) == plain


def test_the_last_error_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_words(log) == ""
    entries = [{"level": "error", "msg": "first"}, {"level": "error", "msg": "runc create failed: last"}]
    log.write_text("".join(json.dumps(e) + "\n" for e in entries) + '{"level":"warning","msg":"w"}\nhalf a li')
    assert last_words(log) == "last"
