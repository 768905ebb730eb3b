from __future__ import annotations

import asyncio
import grp
import os
import socket
import stat
from pathlib import Path

import pytest

from hostpod.config import HttpConfig, SocketConfig
from hostpod.server.listen import ListenError, control_socket, serve
from tests.unit.server.fake import FakeNode, Served, machine


def test_the_socket_is_for_owner_and_group(tmp_path: Path) -> None:
    group = grp.getgrgid(os.getgid()).gr_name
    control = SocketConfig(path=tmp_path / "run/h.sock", group=group)
    with control_socket(control):
        status = control.path.lstat()
        assert stat.S_IMODE(status.st_mode) == 0o660
        assert status.st_gid == os.getgid()
        assert [path.name for path in control.path.parent.iterdir()] == ["h.sock"]


def test_without_the_group_it_is_for_the_owner_alone(tmp_path: Path) -> None:
    with control_socket(SocketConfig(path=tmp_path / "h.sock", group="nosuchgroup")):
        assert (tmp_path / "h.sock").lstat().st_gid == os.getgid()


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    control = SocketConfig(path=tmp_path / "h.sock")
    control_socket(control).close()
    with control_socket(control), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(control.path))


def test_a_socket_that_answers_is_left_alone(served: Served) -> None:
    with pytest.raises(ListenError, match="another hostpod answers there"):
        control_socket(SocketConfig(path=served.path))


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "h.sock").write_text("mine")
    with pytest.raises(ListenError, match="there is a file that is no socket"):
        control_socket(SocketConfig(path=tmp_path / "h.sock"))
    assert (tmp_path / "h.sock").read_text() == "mine"


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ListenError, match=r"^cannot listen on .*: (File exists|Not a directory)$"):
        control_socket(SocketConfig(path=tmp_path / "file/h.sock"))


def test_the_socket_goes_with_the_server(tmp_path: Path) -> None:
    control = SocketConfig(path=tmp_path / "h.sock")

    async def main() -> None:
        async with serve(FakeNode(), http=HttpConfig(read_only_port=0), control=control, machine=machine):
            assert control.path.is_socket()

    asyncio.run(main())
    assert not control.path.exists()


def test_a_socket_that_was_given_stays(tmp_path: Path) -> None:
    path = tmp_path / "given.sock"
    given = socket.socket(socket.AF_UNIX)
    given.bind(str(path))
    given.listen()

    async def main() -> bytes:
        async with serve(
            FakeNode(),
            http=HttpConfig(read_only_port=0),
            control=SocketConfig(path=tmp_path / "own.sock"),
            sockets=[given],
            machine=machine,
        ):
            assert not (tmp_path / "own.sock").exists()
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer

    assert asyncio.run(main()).endswith(b"ok")
    assert path.exists()
