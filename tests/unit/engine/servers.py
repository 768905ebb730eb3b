"""Servers on loopback that answer what a test says, on sockets of their own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.place import command


@dataclass(kw_only=True, slots=True)
class Served:
    """A server that runs: its port, the heads of the requests that came."""

    port: int = 0
    heads: list[str] = field(default_factory=list)
    arrival: asyncio.Event = field(default_factory=asyncio.Event)

    async def asked(self, times: int) -> None:
        """Wait until as many requests have come."""
        while len(self.heads) < times:
            self.arrival.clear()
            await self.arrival.wait()


@asynccontextmanager
async def serving(*answers: bytes | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Served]:
    """Answer the n-th request with the n-th of `answers`, all later ones with the last; None never answers."""
    served = Served()
    open_ones = list[asyncio.StreamWriter]()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return
        answer = answers[min(len(served.heads), len(answers) - 1)]
        served.heads.append(head.decode())
        served.arrival.set()
        if answer is not None:
            writer.write(answer)
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for writer in open_ones:
            writer.transport.abort()


def certificate(directory: Path) -> ssl.SSLContext:
    """Of a server that signed its own certificate for another name, long ago."""
    key, cert = directory / "key.pem", directory / "cert.pem"
    subject = ["-subj", "/CN=elsewhere.example", "-days", "1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command(["openssl", "req", "-x509", *curve, *subject, "-keyout", str(key), "-out", str(cert)])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def said(status: str, *headers: str, body: str = "") -> bytes:
    """An answer on the wire."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()
