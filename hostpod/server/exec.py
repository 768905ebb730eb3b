"""Commands in containers, and containers themselves, over a WebSocket.

Stdin and the terminal's size go in, stdout, stderr and the end come out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from aiohttp import WSMsgType, web

from hostpod.kube.api_status import StatusError
from hostpod.server import channels
from hostpod.server.answers import tracked
from hostpod.server.node import ExecSession, Node
from hostpod.server.query import flag

_MESSAGE_LIMIT_BYTES = 1024 * 1024
_OUTPUT = {"stdout": channels.STDOUT, "stderr": channels.STDERR}


async def run_exec(request: web.Request, node: Node, *, pod: Mapping[str, Any], container: str) -> web.StreamResponse:
    """Start the command, join it to the WebSocket, and kill it when the client goes before it has ended.

    A command that cannot be started is told over the WebSocket: a browser's and most clients' handshake hides bodies.
    """
    command = request.query.getall("command", [])
    if not command:
        raise StatusError("BadRequest", "no command given: command= must be there at least once")
    session = node.exec(
        namespace=pod["metadata"]["namespace"],
        pod=pod["metadata"]["name"],
        container=container,
        command=command,
        tty=flag(request.query, "tty"),
        stdin=flag(request.query, "stdin"),
    )
    return await _joined(request, session, what="exec")


async def run_attach(request: web.Request, node: Node, *, pod: Mapping[str, Any], container: str) -> web.StreamResponse:
    """Join a container's output, and its stdin where that is asked for, to the WebSocket. The container goes on when
    the client goes."""
    session = node.attach(
        namespace=pod["metadata"]["namespace"],
        pod=pod["metadata"]["name"],
        container=container,
        stdin=flag(request.query, "stdin"),
    )
    return await _joined(request, session, what="attach")


async def _joined(
    request: web.Request, session: AbstractAsyncContextManager[ExecSession], *, what: str
) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=channels.PROTOCOLS, max_msg_size=_MESSAGE_LIMIT_BYTES, compress=False)
    if not socket.can_prepare(request):
        raise StatusError("BadRequest", f"{what} needs a WebSocket: upgrade request required")
    async with tracked(request):
        await socket.prepare(request)
        try:
            async with session as running:
                await _join(socket, running)
        except StatusError as error:
            await _end(socket, error.status())
    await socket.close()
    return socket


async def _join(socket: web.WebSocketResponse, session: ExecSession) -> None:
    async with asyncio.TaskGroup() as group:
        directions = (
            group.create_task(_read(socket, session), name="exec: client to command"),
            group.create_task(_write(socket, session), name="exec: command to client"),
        )
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        for task in directions:
            task.cancel()


async def _read(socket: web.WebSocketResponse, session: ExecSession) -> None:
    """Until the client goes."""
    async for message in socket:
        if message.type is not WSMsgType.BINARY:
            continue
        channel, data = channels.unpack(message.data)
        if channel == channels.STDIN:
            await session.write_stdin(data)
        elif channel == channels.CLOSE and data[:1] == bytes((channels.STDIN,)):
            await session.close_stdin()
        elif channel == channels.RESIZE and (size := channels.unpack_resize(data)):
            await session.resize(columns=size[0], rows=size[1])


async def _write(socket: web.WebSocketResponse, session: ExecSession) -> None:
    """Until the command has ended and everything it wrote is sent."""
    with suppress(ConnectionResetError):  # the client went while it was written to
        async for output, data in session.output():
            await socket.send_bytes(channels.pack(_OUTPUT[output], data))
        try:
            end = channels.command_status(await session.exit_code())
        except StatusError as error:
            end = error.status()
        await _end(socket, end)


async def _end(socket: web.WebSocketResponse, status: Mapping[str, Any]) -> None:
    """How it ended, on the channel for that."""
    await socket.send_bytes(channels.pack(channels.ERROR, json.dumps(status).encode()))
