from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from hostpod.host.process import (
    EXPENDABLE_OOM_SCORE_ADJ,
    CommandFailedError,
    CommandNotFoundError,
    CommandTimedOutError,
    Completed,
    run,
    started,
)


def shell(script: str, *, timeout_s: float = 5.0, stdin: bytes = b"", check: bool = True) -> Completed:
    return asyncio.run(run(["sh", "-c", script], timeout_s=timeout_s, stdin=stdin, check=check))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()


def test_output_and_errors_are_kept_apart() -> None:
    assert shell("echo out; echo err >&2") == Completed(exit_code=0, stdout=b"out\n", stderr=b"err\n")


def oom_score_adj_of(pid: int | str) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


@pytest.mark.parametrize("before", [(), ("setpriv", "--pdeathsig", "KILL")])
def test_only_what_is_expendable_is_offered_when_memory_is_short(before: tuple[str, ...]) -> None:
    async def score(*, expendable: bool) -> int:
        async with started([*before, "sleep", "60"], expendable=expendable) as process:
            return oom_score_adj_of(process.pid)

    own = oom_score_adj_of("self")
    assert asyncio.run(score(expendable=True)) == max(own, EXPENDABLE_OOM_SCORE_ADJ)
    assert asyncio.run(score(expendable=False)) == own


def test_who_is_offered_sooner_stays_so() -> None:
    score = str(max(oom_score_adj_of("self"), EXPENDABLE_OOM_SCORE_ADJ + 1))
    script = f"""
import asyncio, pathlib
from hostpod.host.process import started
pathlib.Path("/proc/self/oom_score_adj").write_text("{score}")
async def main():
    async with started(["sleep", "60"], expendable=True) as process:
        print(pathlib.Path(f"/proc/{{process.pid}}/oom_score_adj").read_text().strip())
asyncio.run(main())
"""
    assert asyncio.run(run([sys.executable, "-c", script], timeout_s=60)).stdout.decode().strip() == score


def test_a_command_that_has_ended_already_is_no_fault() -> None:
    for _ in range(20):
        assert asyncio.run(run(["true"], timeout_s=5, expendable=True)).exit_code == 0


def test_stdin_is_what_was_given_or_nothing() -> None:
    content = b"x" * 1_000_000
    assert shell("cat", stdin=content).stdout == content
    assert shell("cat").stdout == b""


def test_a_failure_shows_the_command_and_its_last_lines() -> None:
    with pytest.raises(CommandFailedError) as failed:
        shell("for i in 1 2 3 4 5 6; do echo line $i >&2; done; exit 3")
    assert str(failed.value).startswith("sh -c ")
    assert str(failed.value).endswith(": exit code 3: line 3; line 4; line 5; line 6")
    assert failed.value.completed.exit_code == 3


def test_a_silent_failure_and_a_signal_are_said() -> None:
    with pytest.raises(CommandFailedError, match=r"exit code 1: no output$"):
        shell("exit 1")
    with pytest.raises(CommandFailedError, match=r"signal 9: gone$"):
        shell("echo gone; kill -9 $$")
    assert shell("exit 4", check=False).exit_code == 4


def test_a_missing_program_is_said() -> None:
    with pytest.raises(CommandNotFoundError, match=r"^cannot run /nowhere/x: No such file or directory; install it"):
        asyncio.run(run(["/nowhere/x"], timeout_s=1))


def test_at_the_deadline_the_whole_group_is_killed(tmp_path: Path) -> None:
    with pytest.raises(CommandTimedOutError, match=r"killed, it did not end within 0\.2 s"):
        shell(f"sleep 60 & echo $! > {tmp_path}/pid; wait", timeout_s=0.2)
    assert not _lives_on(int((tmp_path / "pid").read_text()))


def test_a_cancelled_command_is_killed_before_the_cancellation_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        command = ["sh", "-c", f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 60"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await run(command, timeout_s=60)
        pid = int(_read(tmp_path / "pid"))
        assert not alive(pid)

    asyncio.run(story())


def test_nothing_is_inherited_but_what_is_passed() -> None:
    stray, passed = os.open("/", os.O_RDONLY), os.open("/", os.O_RDONLY)
    os.set_inheritable(stray, True)
    try:
        command = ["sh", "-c", "ls /proc/$$/fd"]
        shown = asyncio.run(run(command, timeout_s=5, pass_fds=(passed,), env={"PATH": os.environ["PATH"]}))
        descriptors = {int(number) for number in shown.stdout.split()}
    finally:
        os.close(stray)
        os.close(passed)
    assert passed in descriptors
    assert stray not in descriptors


def test_environment_and_working_directory_are_given(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "A": "1"}
    shown = asyncio.run(run(["sh", "-c", "echo $A; pwd"], timeout_s=5, env=environment, cwd=tmp_path))
    assert shown.stdout.decode().split() == ["1", str(tmp_path)]


def test_a_started_command_takes_signals_and_ends_with_its_block() -> None:
    async def story() -> None:
        async with started(["sleep", "60"]) as process:
            process.signal(signal.SIGTERM)
            assert await process.wait() == -signal.SIGTERM
            assert await process.wait() == -signal.SIGTERM
            process.signal(signal.SIGTERM)
            process.kill()
        async with started(["sleep", "60"]) as process:
            pid = process.pid
            assert alive(pid)
        assert not alive(pid)

    asyncio.run(story())


def test_no_descriptor_is_left_behind() -> None:
    async def story() -> int:
        before = _descriptors()
        for _ in range(5):
            await run(["true"], timeout_s=5, stdin=b"x")
            with pytest.raises(CommandNotFoundError):
                await run(["/nowhere/x"], timeout_s=5)
        return _descriptors() - before

    assert asyncio.run(story()) == 0


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _read(path: Path) -> str:
    return path.read_text()


def _lives_on(pid: int) -> bool:
    """Whether a process is still there after the moment that the kernel needs to end it."""
    deadline = time.monotonic() + 2
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.005)
    return alive(pid)
