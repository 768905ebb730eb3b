from __future__ import annotations

import asyncio
import socket

import pytest

from hostpod.host.tcp import connect


def listening(family: int, address: str) -> socket.socket:
    server = socket.socket(family)
    server.bind((address, 0))
    server.listen()
    return server


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_connecting_to_an_address(family: int, address: str) -> None:
    with listening(family, address) as server:

        async def run() -> bytes:
            stream = await connect(address, server.getsockname()[1])
            other, _ = server.accept()
            with other:
                other.sendall(b"hello")
                received = await stream.receive()
                other.shutdown(socket.SHUT_WR)
                assert await stream.receive() == b""
                stream.close()
                assert other.recv(1) == b""
            return received

        assert asyncio.run(run()) == b"hello"


def test_more_than_the_kernel_takes_at_once() -> None:
    content = bytes(8_000_000)

    async def run() -> bytes:
        received = asyncio.get_running_loop().create_future()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.set_result(await reader.read(-1))
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        stream = await connect("127.0.0.1", server.sockets[0].getsockname()[1])
        await stream.send(content)
        stream.close()
        server.close()
        result: bytes = await received
        return result

    assert asyncio.run(run()) == content


def test_a_name_that_has_several_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(socket.AF_INET, "127.0.0.1") as server:
        port = server.getsockname()[1]

        async def run(*addresses: str) -> None:
            async def both(*_: object, **__: object) -> list[tuple[object, ...]]:
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
            (await connect("two.example", port)).close()

        asyncio.run(run("127.0.0.2", "127.0.0.1"))
        with pytest.raises(ConnectionRefusedError):
            asyncio.run(run("127.0.0.2", "127.0.0.3"))


def test_a_refused_connection_leaves_no_descriptor(recwarn: pytest.WarningsRecorder) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            asyncio.run(connect("127.0.0.1", taken.getsockname()[1]))
    assert not recwarn.list
