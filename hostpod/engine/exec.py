"""Commands that people run inside a container: their streams, their terminal, their end."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

from hostpod.host.pids import kill_children
from hostpod.host.process import Process, started
from hostpod.host.runc import last_words
from hostpod.host.user_namespace import open_to_the_container
from hostpod.kube.api_status import StatusError

OutputStream = Literal["stdout", "stderr"]
CHUNK_BYTES = 64 * 1024

# What runc writes to stderr beside its log when it cannot start a command.
_RUNC_SAYS = b"exec failed: "


class Session:
    """One command that runs in a container. Its streams are pipes, or one pseudo-terminal."""

    def __init__(self, process: Process, *, stdin: int, outputs: dict[OutputStream, int], terminal: bool) -> None:
        self._process = process
        self._stdin = stdin
        self._outputs = outputs
        self._terminal = terminal
        self._reaped = False
        self._log: Path | None = None

    @property
    def pid(self) -> int:
        """The process that runs the command (runc exec)."""
        return self._process.pid

    async def write_stdin(self, data: bytes) -> None:
        """Wait until the command's stdin took the data; nothing when the command closed its end."""
        rest = memoryview(data)
        while rest and self._stdin >= 0:
            try:
                rest = rest[os.write(self._stdin, rest) :]
            except BlockingIOError:
                await _writable(self._stdin)
            except OSError:  # the other end is closed
                return

    async def close_stdin(self) -> None:
        """End of file for the command. May be called twice."""
        if self._terminal:
            await self.write_stdin(b"\x04")
        elif self._stdin >= 0:
            os.close(self._stdin)
            self._stdin = -1

    async def resize(self, *, columns: int, rows: int) -> None:
        """Set the terminal's size; nothing without a terminal."""
        if self._terminal:
            fcntl.ioctl(self._outputs["stdout"], termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            self._process.signal(signal.SIGWINCH)  # runc passes the size on to the container's terminal

    async def output(self) -> AsyncGenerator[tuple[OutputStream, bytes], None]:
        """What the command writes, as it comes; ends when it closed its streams."""
        streams = {fd: name for name, fd in self._outputs.items()}
        while streams:
            for fd in await _readable(streams):
                data = _read(fd)
                if data and not (_RUNC_SAYS in data and self._refusal()):
                    yield streams[fd], data
                elif data == b"":
                    del streams[fd]

    async def exit_code(self) -> int:
        """Wait for the end; 128 + n for a command that signal n ended.

        Raises StatusError when runc could not start it.
        """
        code = await self._process.wait()
        self._reaped = True
        if code and (words := self._refusal()):
            raise StatusError("BadRequest", f"cannot run the command: {words}")
        return code if code >= 0 else 128 - code

    def log_to(self, log: Path | None) -> None:
        """Where runc writes down why it could not start the command."""
        self._log = log

    def _refusal(self) -> str:
        return last_words(self._log) if self._log else ""

    def kill(self) -> None:
        """End what the command started, unless the command has ended: then its pid may be another's."""
        if not self._reaped:
            kill_children(self.pid)

    def close(self) -> None:
        """Give the descriptors back."""
        for fd in {self._stdin, *self._outputs.values()}:
            if fd >= 0:
                os.close(fd)
        self._stdin = -1


def _read(fd: int) -> bytes | None:
    """What there is; None when there is nothing now, empty at the end."""
    try:
        return os.read(fd, CHUNK_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""  # EIO is how a terminal tells that nobody holds its other end


async def _readable(descriptors: Iterable[int]) -> set[int]:
    loop = asyncio.get_running_loop()
    found, ready = set[int](), asyncio.Event()

    def note(fd: int) -> None:
        found.add(fd)
        ready.set()

    watched = tuple(descriptors)
    for fd in watched:
        loop.add_reader(fd, note, fd)
    try:
        await ready.wait()
    finally:
        for fd in watched:
            loop.remove_reader(fd)
    return found


async def _writable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(fd)


@asynccontextmanager
async def exec_session(
    argv: Sequence[str], *, tty: bool, stdin: bool, log: Path | None = None
) -> AsyncIterator[Session]:
    """Start the command (runc exec …); it is killed and reaped when the block is left.

    What runc started in the container is its child, in a session of its own, and would go on without it.
    `log` is what runc was told as its own; it is removed at the end.
    """
    async with AsyncExitStack() as stack:
        if log:
            stack.callback(log.unlink, missing_ok=True)
        session = await (_on_terminal(argv, stack) if tty else _on_pipes(argv, stack, stdin=stdin))
        session.log_to(log)
        stack.callback(session.close)
        stack.callback(session.kill)
        yield session


async def _on_terminal(argv: Sequence[str], stack: AsyncExitStack) -> Session:
    ours, theirs = pty.openpty()
    stdin = os.dup(ours)
    try:
        process = await stack.enter_async_context(started(argv, stdin=theirs, stdout=theirs, stderr=theirs))
    except BaseException:
        _close(ours, stdin)
        raise
    finally:
        os.close(theirs)
    for fd in (ours, stdin):
        os.set_blocking(fd, False)
    return Session(process, stdin=stdin, outputs={"stdout": ours}, terminal=True)


async def _on_pipes(argv: Sequence[str], stack: AsyncExitStack, *, stdin: bool) -> Session:
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    for fd in (in_read, out_write, err_write):
        open_to_the_container(fd)
    try:
        process = await stack.enter_async_context(started(argv, stdin=in_read, stdout=out_write, stderr=err_write))
    except BaseException:
        _close(in_write, out_read, err_read)
        raise
    finally:
        _close(in_read, out_write, err_write)
    for fd in (in_write, out_read, err_read):
        os.set_blocking(fd, False)
    session = Session(process, stdin=in_write, outputs={"stdout": out_read, "stderr": err_read}, terminal=False)
    if not stdin:
        await session.close_stdin()
    return session


def _close(*descriptors: int) -> None:
    for fd in descriptors:
        with suppress(OSError):
            os.close(fd)
