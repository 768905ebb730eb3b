"""A server of grpc.health.v1 on loopback, over h2: what it answers is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

SERVING = b"\0\0\0\0\x02\x08\x01"


@dataclass(kw_only=True, slots=True)
class Health:
    """What it answers, and what it was asked. `resets` ends the call, `silent` never answers it."""

    answer: bytes = SERVING
    code: str = "0"
    words: str = ""
    http_status: str = "200"
    trailers_only: bool = False
    resets: bool = False
    closes: bool = False
    silent: bool = False
    port: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    asked: bytes = b""


@asynccontextmanager
async def healthy(health: Health, *, address: str = "127.0.0.1") -> AsyncIterator[Health]:
    """Let it serve."""
    writers = list[asyncio.StreamWriter]()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            await serve(reader, writer)
        finally:
            writer.transport.abort()  # also where the loop ends before anybody comes to it below

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        http2.initiate_connection()
        while True:
            writer.write(http2.data_to_send())
            data = await reader.read(65536)
            if not data:
                return
            for event in http2.receive_data(data):
                match event:
                    case RequestReceived():
                        health.headers = {str(name): str(value) for name, value in event.headers or ()}
                    case DataReceived():
                        health.asked += event.data or b""
                    case StreamEnded():
                        _answer(http2, event.stream_id or 0, health)

    server = await asyncio.start_server(handle, address, 0)
    health.port = server.sockets[0].getsockname()[1]
    try:
        yield health
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


def _answer(http2: H2Connection, stream: int, health: Health) -> None:
    if health.silent:
        return
    if health.resets:
        http2.reset_stream(stream, error_code=8)
        return
    if health.closes:
        http2.close_connection(error_code=11)
        return
    head = [(":status", health.http_status), ("content-type", "application/grpc")]
    end = [("grpc-status", health.code), ("grpc-message", health.words)]
    if health.trailers_only:
        http2.send_headers(stream, [*head, *end], end_stream=True)
        return
    http2.send_headers(stream, head)
    http2.send_data(stream, health.answer)
    http2.send_headers(stream, end, end_stream=True)
