from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from hostpod.host.psi import memory_stalls, on_urgent


def test_what_is_urgent_is_told_and_what_is_not_is_not(tmp_path: Path) -> None:
    async def run() -> list[bytes]:
        told: list[bytes] = []
        heard = asyncio.Event()
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as near:
            far, _ = server.accept()

            def take() -> None:
                told.append(far.recv(1, socket.MSG_OOB))
                heard.set()

            with far, on_urgent(far.fileno(), take):
                near.send(b"x")
                near.send(b"!", socket.MSG_OOB)
                async with asyncio.timeout(10):
                    await heard.wait()
        return told

    assert asyncio.run(run()) == [b"!"]


def test_a_kernel_that_cannot_tell_is_known(tmp_path: Path) -> None:
    async def can(path: Path) -> bool:
        with memory_stalls(lambda: None, path) as able:
            return able

    assert not asyncio.run(can(tmp_path / "memory"))
    assert not asyncio.run(can(tmp_path))
