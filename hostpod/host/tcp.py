"""TCP connections to pods: probes make many and short ones, so one that is plain costs a socket and little more.

asyncio's own streams take several times the CPU for a short exchange, which is why they serve TLS alone.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from functools import cache
from typing import Protocol

from hostpod.host.process import readable

CHUNK_BYTES = 16 * 1024

Address = tuple[str, int]


class Stream(Protocol):
    """A connection. What goes wrong is an OSError (ssl.SSLError is one)."""

    async def send(self, data: bytes) -> None:
        """Wait until the kernel has taken all of it."""

    async def receive(self) -> bytes:
        """What came; empty at the end."""

    def close(self) -> None:
        """End it; nothing is waited for."""


async def connect(host: str, port: int) -> Stream:
    """Connect to an address, or to the addresses of a name in turn.

    Raises OSError: socket.gaierror for a name that has no address, else what the first address answered.
    """
    refusals = list[OSError]()
    for family, address in await _addresses(host, port):
        try:
            return _Plain(await _connected(family, address))
        except OSError as error:
            refusals.append(error)
    raise refusals[0]


async def connect_tls(host: str, port: int, *, server_name: str) -> Stream:
    """The same with TLS, with whoever answers. `server_name` is whom to ask for; where it is an address nobody is."""
    reader, writer = await asyncio.open_connection(host, port, ssl=_unverified(), server_hostname=server_name)
    return _Secured(reader, writer)


async def _addresses(host: str, port: int) -> list[tuple[int, Address]]:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return [(family, (host, port))]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, (str(address[0]), port)) for family, *_, address in found]


async def _connected(family: int, address: Address) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        if answer := await _connect(connection, address):
            raise OSError(answer, os.strerror(answer))  # noqa: TRY301 - refused or cancelled, the socket goes
    except BaseException:
        connection.close()
        raise
    return connection


async def _connect(connection: socket.socket, address: Address) -> int:
    """The kernel's number of what is wrong, 0 for nothing."""
    answer = connection.connect_ex(address)
    if answer != errno.EINPROGRESS:
        return answer
    if _is_through(connection):
        return 0
    if not (answer := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
        await _writable(connection.fileno())
        answer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return answer


def _is_through(connection: socket.socket) -> bool:
    """Whether the other end has taken it already: the kernel hands a packet to a pod of this host within the call."""
    try:
        connection.getpeername()
    except OSError:
        return False
    return True


class _Plain:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    async def send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._connection.send(rest) :]
            except BlockingIOError:
                await _writable(self._connection.fileno())

    async def receive(self) -> bytes:
        while True:
            try:
                return self._connection.recv(CHUNK_BYTES)
            except BlockingIOError:
                await readable(self._connection.fileno())

    def close(self) -> None:
        self._connection.close()


class _Secured:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def receive(self) -> bytes:
        return await self._reader.read(CHUNK_BYTES)

    def close(self) -> None:
        self._writer.transport.abort()  # a polite end of TLS would have to be waited for


@cache
def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _writable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(fd, _resolve, ready)
    try:
        await ready
    finally:
        loop.remove_writer(fd)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
