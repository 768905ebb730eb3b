"""Commands that probes and hooks run inside a container, to their end or till their time is up."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import uuid4

from hostpod.engine.edges import Edges
from hostpod.engine.paths import PodPaths
from hostpod.host.pids import kill_descendants
from hostpod.host.process import Process, readable, started
from hostpod.host.runc import ENVIRONMENT, last_words
from hostpod.host.user_namespace import open_to_the_container

CHUNK_BYTES = 64 * 1024
OUTPUT_LIMIT_BYTES = 10 * 1024


class ExecTimedOutError(Exception):
    """The command did not end in its time, and was killed with all that it had started."""


class ExecRefusedError(Exception):
    """runc could not run the command; the message has its words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecAnswer:
    """How a command ended (128 + n: by signal n), and the begin of what it wrote to stdout and stderr together."""

    exit_code: int
    output: bytes


async def run_in_container(
    edges: Edges,
    paths: PodPaths,
    cid: str,
    argv: Sequence[str],
    *,
    timeout_s: float | None,
    limit_bytes: int = OUTPUT_LIMIT_BYTES,
) -> ExecAnswer:
    """Run a command in a running container and wait for its end; None waits as long as it takes.

    What it left running in the background when it ended goes on, as it would in a cluster. When the time is up, or the
    caller is cancelled, all that it started is killed, but what has left it for the container's first process.

    Raises ExecTimedOutError, ExecRefusedError, CommandNotFoundError, OSError.
    """
    log = paths.container(cid).bundle / f"exec-{uuid4().hex}.log"
    try:
        async with asyncio.timeout(timeout_s):
            answer = await _answer(edges.runc.exec_argv(cid, argv=argv, log=log), limit_bytes)
        words = last_words(log) if answer.exit_code else ""
    except TimeoutError as error:
        raise ExecTimedOutError(f'command timed out: "{shlex.join(argv)}" timed out after {timeout_s:g}s') from error
    finally:
        log.unlink(missing_ok=True)
    if words:
        raise ExecRefusedError(words)
    return answer


async def _answer(argv: Sequence[str], limit_bytes: int) -> ExecAnswer:
    ours, theirs = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    open_to_the_container(theirs)
    output = _Output(ours, limit_bytes)
    try:
        os.set_blocking(theirs, True)
        async with _killed_with_descendants(argv, theirs) as process, asyncio.TaskGroup() as tasks:
            os.close(theirs)
            theirs = -1
            reading = tasks.create_task(output.read(), name=f"output of {argv[0]} {process.pid}")
            code = await process.wait()
            reading.cancel()  # what still runs of it may hold the pipe open for ever
        output.take_rest()
    finally:
        for fd in (ours, theirs):
            if fd >= 0:
                os.close(fd)
    return ExecAnswer(exit_code=code if code >= 0 else 128 - code, output=output.kept)


@asynccontextmanager
async def _killed_with_descendants(argv: Sequence[str], output: int) -> AsyncIterator[Process]:
    async with started(argv, stdout=output, stderr=output, env=ENVIRONMENT) as process:
        try:
            yield process
        except BaseException:
            kill_descendants(process.pid)
            raise


class _Output:
    """What a command writes: the first of it is kept, the rest only taken, so that the command never waits."""

    def __init__(self, fd: int, limit_bytes: int) -> None:
        self._fd = fd
        self._limit_bytes = limit_bytes
        self.kept = b""

    async def read(self) -> None:
        """Until the last writer has closed its end."""
        while True:
            await readable(self._fd)
            if not self._take():
                return

    def take_rest(self) -> None:
        """What is there now."""
        with suppress(BlockingIOError):
            while len(self.kept) < self._limit_bytes and self._take():
                pass

    def _take(self) -> bool:
        data = os.read(self._fd, CHUNK_BYTES)
        self.kept = (self.kept + data)[: self._limit_bytes]
        return bool(data)
