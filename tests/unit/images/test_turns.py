from __future__ import annotations

import asyncio

from hostpod.images.turns import Turns


def test_one_at_a_time_of_each_name() -> None:
    async def main() -> None:
        turns, told = Turns(), list[str]()
        first_may_go = asyncio.Event()

        async def first() -> None:
            async with turns.of("a"):
                told.append("first")
                await first_may_go.wait()
                told.append("first has gone")

        async def second() -> None:
            async with turns.of("a"):
                told.append("second")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(first())
            await asyncio.sleep(0)
            waiting = tasks.create_task(second())
            given_up = tasks.create_task(second())
            await asyncio.sleep(0)
            async with turns.of("b"):
                told.append("another name")
            given_up.cancel()
            first_may_go.set()
            await waiting
        assert told == ["first", "another name", "first has gone", "second"]
        assert turns.names() == frozenset()

    asyncio.run(main())
