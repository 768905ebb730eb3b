from __future__ import annotations

import asyncio

from hostpod.images.slots import Slots


def at_work(resizings: list[int]) -> list[int]:
    """How many of ten work at once with two slots, and after each resizing once those at work have ended."""

    async def story() -> list[int]:
        slots, ends, working = Slots(2), [asyncio.Event() for _ in range(10)], set[int]()

        async def work(number: int) -> None:
            async with slots:
                working.add(number)
                await ends[number].wait()
                working.discard(number)

        async def settled() -> int:
            for _ in range(5):
                await asyncio.sleep(0)
            return len(working)

        async with asyncio.TaskGroup() as tasks:
            for number in range(10):
                tasks.create_task(work(number))
            counts = [await settled()]
            for count in resizings:
                slots.resize(count)
                counts.append(await settled())
                for number in tuple(working):
                    ends[number].set()
                counts.append(await settled())
            slots.resize(10)
            for end in ends:
                end.set()
        return counts

    return asyncio.run(story())


def test_more_begin_at_once_and_fewer_when_others_have_ended() -> None:
    assert at_work([4, 1]) == [2, 4, 4, 4, 1]
