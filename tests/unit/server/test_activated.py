from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from hostpod.config import HttpConfig, SocketConfig
from hostpod.server.activated import differences
from hostpod.server.listen import serve
from tests.unit.server.fake import FakeNode, machine

NOBODYS_GROUP = 65534


@pytest.fixture
def unix(tmp_path: Path) -> Iterator[socket.socket]:
    """A control socket that systemd has opened."""
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "given.sock"))
        bound.listen()
        yield bound


@pytest.fixture
def tcp() -> Iterator[socket.socket]:
    """A port that somebody has opened."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        yield bound


def number(port: socket.socket) -> int:
    return int(port.getsockname()[1])


def control(directory: Path) -> SocketConfig:
    return SocketConfig(path=directory / "given.sock", group="nosuchgroup")


def test_settings_that_are_what_systemd_has_opened(tmp_path: Path, unix: socket.socket, tcp: socket.socket) -> None:
    http = HttpConfig(read_only_port=number(tcp))
    assert list(differences([unix], [tcp], http=http, control=control(tmp_path))) == []
    other = HttpConfig(address="::1", read_only_port=1)
    assert list(differences([], [], http=other, control=SocketConfig(path=Path("/other")))) == []


def test_another_port_or_address(tmp_path: Path, tcp: socket.socket) -> None:
    http = HttpConfig(address="127.0.0.2", read_only_port=number(tcp))
    (told,) = differences([], [tcp], http=http, control=control(tmp_path))
    assert told == (
        f"http.address and http.readOnlyPort are 127.0.0.2:{number(tcp)}, but systemd has opened "
        f"127.0.0.1:{number(tcp)}, and that is served; for what the settings say: "
        "systemctl mask --now hostpod-readonly.socket && systemctl restart hostpod, "
        "or write the same ListenStream= with systemctl edit hostpod-readonly.socket"
    )


def test_no_port(tmp_path: Path, tcp: socket.socket) -> None:
    (told,) = differences([], [tcp], http=HttpConfig(read_only_port=0), control=control(tmp_path))
    assert told == (
        f"http.readOnlyPort is 0, but systemd has opened 127.0.0.1:{number(tcp)}: nothing is answered there; "
        "to close it: systemctl mask --now hostpod-readonly.socket && systemctl restart hostpod"
    )


def test_another_path_or_group(tmp_path: Path, unix: socket.socket) -> None:
    (path,) = differences([unix], [], http=HttpConfig(), control=SocketConfig(path=tmp_path / "other.sock"))
    assert path.startswith(f"socket.path is {tmp_path}/other.sock, but systemd has opened {tmp_path}/given.sock, and")
    os.chown(tmp_path / "given.sock", -1, NOBODYS_GROUP)
    (group,) = differences([unix], [], http=HttpConfig(), control=control(tmp_path))
    assert group.startswith("socket.group is nosuchgroup, but systemd has opened a socket of the group nogroup, and")
    assert group.endswith("or write the same SocketGroup= with systemctl edit hostpod.socket")


# Served or not


def serving(
    directory: Path, http: HttpConfig, *sockets: socket.socket, retry_s: float = 3600
) -> AbstractAsyncContextManager[None]:
    return serve(FakeNode(), http=http, control=control(directory), sockets=sockets, machine=machine, retry_s=retry_s)


async def said_at(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def test_a_port_that_is_turned_off_answers_nobody(
    tmp_path: Path, unix: socket.socket, tcp: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> bytes:
        async with serving(tmp_path, HttpConfig(read_only_port=0), unix, tcp):
            return await said_at(number(tcp))

    assert asyncio.run(main()) == b""
    assert "systemctl mask --now hostpod-readonly.socket" in caplog.text


def test_a_port_that_is_taken_is_opened_when_it_is_free(
    tmp_path: Path, unix: socket.socket, tcp: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    port = number(tcp)

    async def main() -> bytes:
        async with serving(tmp_path, HttpConfig(read_only_port=port), unix, retry_s=0.01):
            tcp.close()
            while True:
                try:
                    return await said_at(port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)

    assert asyncio.run(main()).endswith(b"ok")
    (told,) = [each.message for each in caplog.records if each.levelname == "WARNING"]
    assert told == (
        "the read-only port is not served, and tried again every 0.01 s: cannot listen on "
        f"127.0.0.1:{port}: address already in use; set http.readOnlyPort (0: no port)"
    )


def test_a_port_that_stays_taken_does_not_keep_the_server_from_its_end(
    tmp_path: Path, unix: socket.socket, tcp: socket.socket
) -> None:
    async def main() -> None:
        async with serving(tmp_path, HttpConfig(read_only_port=number(tcp)), unix):
            _, writer = await asyncio.open_unix_connection(tmp_path / "given.sock")
            writer.close()

    asyncio.run(main())
