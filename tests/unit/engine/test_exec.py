from __future__ import annotations

import asyncio
import os
import select
from pathlib import Path

import pytest

from hostpod.engine.exec import Session, exec_session
from hostpod.kube.api_status import StatusError


async def _all(session: Session) -> dict[str, bytes]:
    written: dict[str, bytes] = {"stdout": b"", "stderr": b""}
    async for stream, data in session.output():
        written[stream] += data
    return written


def test_streams_are_kept_apart_and_the_exit_code_comes_through() -> None:
    async def run() -> tuple[dict[str, bytes], int]:
        async with exec_session(["sh", "-c", "echo out; echo err >&2; exit 7"], tty=False, stdin=False) as session:
            return await _all(session), await session.exit_code()

    assert asyncio.run(run()) == ({"stdout": b"out\n", "stderr": b"err\n"}, 7)


REFUSED = """
echo '{"level":"error","msg":"exec failed: unable to start container process: exec: no such file"}' > "$0"
echo "exec failed: unable to start container process: exec: no such file" >&2
exit 255
"""


@pytest.mark.parametrize("tty", [False, True])
def test_a_command_that_runc_cannot_start_is_told_once_and_in_plain_words(tmp_path: Path, tty: bool) -> None:
    log = tmp_path / "exec.log"

    async def run() -> dict[str, bytes]:
        async with exec_session(["sh", "-c", REFUSED, str(log)], tty=tty, stdin=False, log=log) as session:
            written = await _all(session)
            with pytest.raises(StatusError, match=r"^cannot run the command: exec: no such file$"):
                await session.exit_code()
            return written

    assert asyncio.run(run()) == {"stdout": b"", "stderr": b""}
    assert not log.exists()


def test_what_a_command_itself_writes_of_a_failed_exec_is_shown(tmp_path: Path) -> None:
    async def run() -> tuple[dict[str, bytes], int]:
        command = ["sh", "-c", "echo exec failed: mine; exit 255"]
        async with exec_session(command, tty=False, stdin=False, log=tmp_path / "none") as session:
            return await _all(session), await session.exit_code()

    assert asyncio.run(run()) == ({"stdout": b"exec failed: mine\n", "stderr": b""}, 255)


def test_stdin_larger_than_a_pipe_goes_through_and_ends() -> None:
    data = os.urandom(1_000_000)

    async def run() -> bytes:
        async with exec_session(["cat"], tty=False, stdin=True) as session, asyncio.TaskGroup() as tasks:

            async def feed() -> None:
                await session.write_stdin(data)
                await session.close_stdin()
                await session.close_stdin()

            tasks.create_task(feed())
            return (await _all(session))["stdout"]

    assert asyncio.run(run()) == data


def test_without_stdin_the_command_reads_the_end_at_once() -> None:
    async def run() -> int:
        async with exec_session(["cat"], tty=False, stdin=False) as session:
            return await session.exit_code()

    assert asyncio.run(run()) == 0


def test_writing_to_a_command_that_reads_no_more_is_not_an_error() -> None:
    async def run() -> int:
        async with exec_session(["true"], tty=False, stdin=True) as session:
            code = await session.exit_code()
            await session.write_stdin(b"late")
            return code

    assert asyncio.run(run()) == 0


def test_a_terminal_is_one_stream_with_a_size() -> None:
    async def run() -> bytes:
        argv = ["sh", "-c", "test -t 0 && test -t 1 && read line && stty size && echo got $line >&2"]
        async with exec_session(argv, tty=True, stdin=True) as session:
            await session.resize(columns=91, rows=17)
            await session.write_stdin(b"hello\n")
            return (await _all(session))["stdout"]

    shown = asyncio.run(run())
    assert b"17 91" in shown
    assert b"got hello" in shown


def test_a_command_ended_by_a_signal() -> None:
    async def run() -> int:
        async with exec_session(["sh", "-c", "kill -9 $$"], tty=False, stdin=False) as session:
            return await session.exit_code()

    assert asyncio.run(run()) == 137


def test_leaving_the_block_ends_the_command() -> None:
    async def run() -> int:
        async with exec_session(["sleep", "1000"], tty=False, stdin=False) as session:
            return session.pid

    pid = asyncio.run(run())
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return
    raise AssertionError("the command still runs")


def test_leaving_the_block_ends_what_the_command_started_in_a_session_of_its_own() -> None:
    async def run() -> int:
        script = "setsid sh -c 'echo $$; exec sleep 1000' & wait"
        async with exec_session(["sh", "-c", script], tty=False, stdin=False) as session:
            async for _, data in session.output():
                return int(data)
        raise AssertionError("it said nothing")

    pid = asyncio.run(run())
    # It was killed, and nobody here is its parent: the kernel takes a moment, and says when by its pidfd.
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([pidfd], [], [], 10)[0]
    finally:
        os.close(pidfd)
