from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hostpod.host.attach import Attached, AttachError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    os.mkfifo(deep / "ctl")
    return deep


@pytest.fixture
def monitor(bundle: Path) -> Iterator[socket.socket]:
    """conmon's side, which listens by a name that is too long for a socket."""
    fd = os.open(bundle, os.O_PATH)
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as listening:
        listening.bind(f"/proc/self/fd/{fd}/attach")
        listening.listen()
        yield listening
    os.close(fd)


def test_streams_are_told_apart_until_the_monitor_goes(bundle: Path, monitor: socket.socket) -> None:
    async def talk() -> list[tuple[str, bytes]]:
        with Attached(bundle) as attached:
            with monitor.accept()[0] as other:
                for message in (b"\x02out", b"\x03err", b"\x09?", b"\x02more"):
                    other.send(message)
            return [each async for each in attached.received()]

    assert asyncio.run(talk()) == [("stdout", b"out"), ("stderr", b"err"), ("stdout", b"more")]


def test_a_client_that_takes_nothing_does_not_hold_up_the_container(bundle: Path, monitor: socket.socket) -> None:
    message = b"\x02" + b"x" * 8192

    async def talk() -> int:
        with Attached(bundle) as attached, monitor.accept()[0] as other:
            received = attached.received()
            await asyncio.to_thread(other.send, b"\x02first")
            assert await anext(received) == ("stdout", b"first")
            with pytest.raises(BrokenPipeError):  # it is told at once that nobody is there any more
                await asyncio.to_thread(lambda: [other.send(message) for _ in range(1000)])
            taken = [data async for _, data in received]
            assert attached.too_slow
            return len(taken)

    assert asyncio.run(talk()) == 1024 * 1024 // len(message)


def test_stdin_goes_in_pieces_and_ends(bundle: Path, monitor: socket.socket) -> None:
    sent = b"x" * 20_000

    async def talk() -> bytes:
        with Attached(bundle) as attached, monitor.accept()[0] as other:
            await attached.send(sent)
            attached.send_end()
            attached.send_end()
            await attached.send(b"too late")
            return b"".join(iter(lambda: other.recv(32 * 1024), b""))

    assert asyncio.run(talk()) == sent


def test_a_monitor_that_goes_is_no_error(bundle: Path, monitor: socket.socket) -> None:
    async def talk() -> None:
        with Attached(bundle) as attached:
            monitor.accept()[0].close()
            await attached.send(b"hello")
            attached.resize(columns=80, rows=24)  # nobody reads the FIFO

    asyncio.run(talk())


def test_sizes(bundle: Path, monitor: socket.socket) -> None:
    reader = os.open(bundle / "ctl", os.O_RDONLY | os.O_NONBLOCK)
    with Attached(bundle) as attached:
        attached.resize(columns=80, rows=24)
    assert os.read(reader, 100) == b"1 24 80\n"
    os.close(reader)


def test_without_a_monitor(bundle: Path) -> None:
    with pytest.raises(AttachError, match=r"its monitor \(conmon\) does not answer: no such file or directory"):
        Attached(bundle)
