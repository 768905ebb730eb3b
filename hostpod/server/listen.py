"""The sockets that are served, and serving them."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from hostpod.config import HttpConfig, SocketConfig
from hostpod.host.machine import machine_info
from hostpod.server.activated import differences, wanted_group
from hostpod.server.control import control_app
from hostpod.server.node import Node
from hostpod.server.readonly import MachineReader, readonly_app

log = logging.getLogger(__name__)

_BACKLOG: Final = 128
_MODE: Final = 0o660
_SHUTDOWN_S: Final = 2.0
RETRY_S: Final = 30.0
_KEEPALIVE_S: Final = 30.0
_LINE_LIMIT_BYTES: Final = 64 * 1024  # a whole exec command line is in the URL


class ListenError(Exception):
    """A socket cannot be served."""


@asynccontextmanager
async def serve(
    node: Node,
    *,
    http: HttpConfig,
    control: SocketConfig,
    sockets: Sequence[socket.socket] = (),
    machine: MachineReader = machine_info,
    retry_s: float = RETRY_S,
) -> AsyncIterator[None]:
    """Serve the node until the block is left.

    `sockets` are those that are bound already (socket activation): a UNIX one takes the place of the control socket,
    others of the read-only port. Where the settings say something else, a warning tells it. A port that is missing
    among them and is taken by somebody else is no reason to end: it is tried again. Raises ListenError.
    """
    unix = [given for given in sockets if given.family == socket.AF_UNIX]
    tcp = [given for given in sockets if given.family != socket.AF_UNIX]
    for difference in differences(unix, tcp, http=http, control=control):
        log.warning("%s", difference)
    async with AsyncExitStack() as stack:
        own = () if unix else (stack.enter_context(_owned(control_socket(control), control.path)),)
        await _serve_all(await _runner(stack, control_app(node, machine=machine)), (*unix, *own))
        readonly = await _runner(stack, readonly_app(node, machine=machine))
        if not http.read_only_port:
            await _answer_nobody(stack, tcp)
        elif tcp or not sockets:
            await _serve_all(readonly, tcp or (tcp_socket(http),))
        else:
            await _serve_port_as_soon_as_free(stack, readonly, http, retry_s)
        yield


async def _runner(stack: AsyncExitStack, app: web.Application) -> web.AppRunner:
    log.addFilter(_is_our_fault)
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=log,
        handler_cancellation=True,  # a watch ends when its client goes
        keepalive_timeout=_KEEPALIVE_S,
        max_line_size=_LINE_LIMIT_BYTES,
        shutdown_timeout=_SHUTDOWN_S,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    return runner


async def _serve_all(runner: web.AppRunner, sockets: Sequence[socket.socket]) -> None:
    # The runner's cleanup closes them.
    for bound in sockets:
        await web.SockSite(runner, bound, backlog=_BACKLOG).start()


async def _answer_nobody(stack: AsyncExitStack, sockets: Sequence[socket.socket]) -> None:
    """systemd keeps them open, whatever is done here: whoever connects is sent away, and does not wait for ever."""
    for bound in sockets:
        server = await asyncio.start_server(lambda _, client: client.close(), sock=bound)
        stack.callback(server.close)


async def _serve_port_as_soon_as_free(
    stack: AsyncExitStack, runner: web.AppRunner, http: HttpConfig, retry_s: float
) -> None:
    try:
        await _serve_all(runner, (tcp_socket(http),))
    except ListenError as error:
        log.warning("the read-only port is not served, and tried again every %g s: %s", retry_s, error)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(tasks.create_task(_retry_port(runner, http, retry_s), name="read-only port").cancel)


async def _retry_port(runner: web.AppRunner, http: HttpConfig, retry_s: float) -> None:
    while True:
        await asyncio.sleep(retry_s)
        with suppress(ListenError):
            await _serve_all(runner, (tcp_socket(http),))
            log.info("the read-only port is served at %s:%d", http.address, http.read_only_port)
            return


def _is_our_fault(record: logging.LogRecord) -> bool:
    """Whatever a client sends that is no HTTP is answered with 400, and is nobody's bug."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def tcp_socket(http: HttpConfig) -> socket.socket:
    """The read-only port, bound."""
    family = socket.AF_INET6 if ":" in http.address else socket.AF_INET
    try:
        return socket.create_server((http.address, http.read_only_port), family=family, backlog=_BACKLOG)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()  # the error's own words repeat the address
        raise ListenError(
            f"cannot listen on {http.address}:{http.read_only_port}: {why}; set http.readOnlyPort (0: no port)"
        ) from error


def control_socket(control: SocketConfig) -> socket.socket:
    """The UNIX socket, bound. A stale one is replaced."""
    _refuse_where_somebody_answers(control.path)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        control.path.parent.mkdir(parents=True, exist_ok=True)
        control.path.unlink(missing_ok=True)
        os.fchmod(bound.fileno(), 0o600)  # the file takes the descriptor's mode: nobody else gets in before chown
        bound.bind(str(control.path))
        os.chown(control.path, -1, wanted_group(control.group))
        control.path.chmod(_MODE)
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise ListenError(f"cannot listen on {control.path}: {error.strerror or error}") from error
    return bound


def _refuse_where_somebody_answers(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ListenError(f"cannot listen on {path}: there is a file that is no socket; remove it")
    except (FileNotFoundError, NotADirectoryError):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return
        except BlockingIOError:
            pass  # its backlog is full: somebody is there
    raise ListenError(f"cannot listen on {path}: another hostpod answers there")


@contextmanager
def _owned(bound: socket.socket, path: Path) -> Iterator[socket.socket]:
    """The socket closed, and its file removed if it is still this one, when the block is left."""
    inode = path.lstat().st_ino
    try:
        yield bound
    finally:
        bound.close()
        with suppress(FileNotFoundError):
            if path.lstat().st_ino == inode:
                path.unlink()
