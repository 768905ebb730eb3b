from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hostpod.host.spool import spooled


async def chunks(*, broken: bool = False) -> AsyncIterator[bytes]:
    yield b"one"
    if broken:
        raise ConnectionError
    yield b"two"


def test_a_stream_is_a_file_while_it_is_needed(tmp_path: Path) -> None:
    async def main() -> tuple[bytes, Path]:
        async with spooled(chunks(), tmp_path) as path:
            return path.read_bytes(), path.parent

    assert asyncio.run(main()) == (b"onetwo", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_stream_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with spooled(chunks(broken=True), tmp_path):
            pass

    with pytest.raises(ConnectionError):
        asyncio.run(main())
    assert list(tmp_path.iterdir()) == []
