"""One exec: this process's terminal or pipes joined to the daemon's WebSocket."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import asynccontextmanager, suppress

import aiohttp

from hostpod.cli.failure import Failure, until_interrupted
from hostpod.cli.terminal import raw_terminal, terminal_size
from hostpod.server import channels

Query = Sequence[tuple[str, str]]

_CHUNK_BYTES = 64 * 1024
_OUTPUTS = {channels.STDOUT: 1, channels.STDERR: 2}
_BROKEN_PIPE = 141  # 128 + SIGPIPE, as shells count


def run_session(socket_path: str, target: str, query: Query, *, stdin: bool, tty: bool) -> int:
    """Run a command to its end; its exit code. Raises Failure when it cannot be run."""
    try:
        with until_interrupted(), raw_terminal(enabled=tty):
            return asyncio.run(_session(socket_path, target, query, stdin=stdin, tty=tty))
    except BrokenPipeError:
        sys.exit(_BROKEN_PIPE)
    except (aiohttp.ClientError, OSError) as error:
        raise Failure(f"the connection to hostpod at {socket_path} broke: {error}") from error


async def _session(socket_path: str, target: str, query: Query, *, stdin: bool, tty: bool) -> int:
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket_path)) as session,
        session.ws_connect(
            f"http://localhost{target}", params=list(query), protocols=channels.PROTOCOLS, max_msg_size=0
        ) as socket,
        _sizes(socket, enabled=tty),
    ):
        if stdin:
            loop = asyncio.get_running_loop()
            threading.Thread(target=_pass_on_stdin, args=(socket, loop), name="stdin", daemon=True).start()
        return await _show(socket)


@asynccontextmanager
async def _sizes(socket: aiohttp.ClientWebSocketResponse, *, enabled: bool) -> AsyncIterator[None]:
    """Tell the terminal's size now and whenever it changes."""
    if not enabled:
        yield
        return
    loop, changed = asyncio.get_running_loop(), asyncio.Event()
    changed.set()
    loop.add_signal_handler(signal.SIGWINCH, changed.set)
    try:
        async with asyncio.TaskGroup() as group:
            teller = group.create_task(_tell_sizes(socket, changed), name="terminal size")
            yield
            teller.cancel()
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None  # what ended the command is told as it is without a terminal
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)


async def _tell_sizes(socket: aiohttp.ClientWebSocketResponse, changed: asyncio.Event) -> None:
    while await changed.wait():
        changed.clear()
        size = terminal_size()
        if size is not None:
            await socket.send_bytes(channels.pack_resize(columns=size[0], rows=size[1]))


def _pass_on_stdin(socket: aiohttp.ClientWebSocketResponse, loop: asyncio.AbstractEventLoop) -> None:
    """In a thread of its own: whether stdin is a terminal, a pipe or a file, reading it may block for ever."""
    with suppress(ConnectionError, RuntimeError, CancelledError):  # the command has ended meanwhile
        while data := os.read(0, _CHUNK_BYTES):
            _send(socket, loop, channels.pack(channels.STDIN, data))
        _send(socket, loop, channels.pack(channels.CLOSE, bytes((channels.STDIN,))))


def _send(socket: aiohttp.ClientWebSocketResponse, loop: asyncio.AbstractEventLoop, message: bytes) -> None:
    """Wait until the loop has sent it. Its coroutine is made over there: a loop that ends meanwhile awaits no other."""
    sent = Future[None]()

    def end(task: asyncio.Future[None]) -> None:
        if task.cancelled():
            sent.cancel()
        elif error := task.exception():
            sent.set_exception(error)
        else:
            sent.set_result(None)

    loop.call_soon_threadsafe(lambda: asyncio.ensure_future(socket.send_bytes(message)).add_done_callback(end))
    sent.result()


async def _show(socket: aiohttp.ClientWebSocketResponse) -> int:
    """Write what comes where it belongs, until the command has ended; its exit code."""
    async for message in socket:
        channel, data = channels.unpack(message.data)
        if channel in _OUTPUTS:
            _write(_OUTPUTS[channel], data)
        elif channel == channels.ERROR:
            status = json.loads(data)
            code = channels.command_exit_code(status)
            if code is None:
                raise Failure(status.get("message", "the command could not be run"))
            return code
    raise Failure("the connection to hostpod ended before the command did")


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
