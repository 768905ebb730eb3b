from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from hostpod.images.arrivals import Arrivals


def watching(directory: Path, test: Callable[[Arrivals], Awaitable[None]]) -> None:
    async def main() -> None:
        with Arrivals(directory) as arrivals:
            watch = asyncio.ensure_future(arrivals.watch())
            await test(arrivals)
            watch.cancel()
            await asyncio.wait([watch])

    asyncio.run(main())


def test_a_blob_has_come_when_it_has_its_name(tmp_path: Path) -> None:
    directory = tmp_path / "blobs"
    directory.mkdir()

    async def test(arrivals: Arrivals) -> None:
        waiting = asyncio.ensure_future(arrivals.wait_for("a"))
        (tmp_path / "partial").write_bytes(b"1")
        (directory / "b").write_bytes(b"being written under its name")
        (await asyncio.sleep(0.02))
        assert not waiting.done()
        (tmp_path / "partial").rename(directory / "a")
        assert await waiting
        assert await arrivals.wait_for("a")

    watching(directory, test)


def test_what_was_there_before_need_not_come(tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    async def test(arrivals: Arrivals) -> None:
        assert await arrivals.wait_for("a")

    watching(tmp_path, test)


def test_when_all_has_come_nobody_waits_for_the_rest(tmp_path: Path) -> None:
    async def test(arrivals: Arrivals) -> None:
        waiting = asyncio.ensure_future(arrivals.wait_for("a"))
        await asyncio.sleep(0)
        arrivals.are_complete()
        assert not await waiting
        assert not await arrivals.wait_for("b")

    watching(tmp_path, test)
