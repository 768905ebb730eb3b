from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from hostpod.network.threads import Gathered, in_thread


def test_a_cancelled_call_ends_before_the_cancellation_goes_on() -> None:
    release, ended = threading.Event(), threading.Event()

    def call() -> None:
        release.wait(5)
        ended.set()

    async def main() -> None:
        with ThreadPoolExecutor(1) as executor:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(in_thread(executor, call))
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.sleep(0)
                assert not task.done()
                release.set()
            assert task.cancelled()
            assert ended.is_set()

    asyncio.run(main())


def test_names_that_come_meanwhile_go_together() -> None:
    calls: list[set[str]] = []
    first, release = threading.Event(), threading.Event()

    def call(names: Iterable[str]) -> None:
        calls.append(set(names))
        first.set()
        release.wait(5)

    async def main() -> None:
        gathered = Gathered(call)
        async with asyncio.TaskGroup() as group:
            group.create_task(gathered(["a"]))
            await asyncio.to_thread(first.wait, 5)
            for name in "bcd":
                group.create_task(gathered([name]))
            await asyncio.sleep(0)
            release.set()
        gathered.close()

    asyncio.run(main())
    assert calls == [{"a"}, {"b", "c", "d"}]


def test_names_whose_call_failed_are_tried_again_with_the_next() -> None:
    calls: list[set[str]] = []

    def call(names: Iterable[str]) -> None:
        calls.append(set(names))
        if len(calls) == 1:
            raise OSError("busy")

    async def main() -> None:
        gathered = Gathered(call)
        with pytest.raises(OSError, match="busy"):
            await gathered(["a"])
        await gathered(["b"])
        gathered.close()

    asyncio.run(main())
    assert calls == [{"a"}, {"a", "b"}]
