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


def test_who_came_first_is_served_first_and_nobody_passes() -> None:
    async def story() -> list[str]:
        slots, served = Slots(1), list[str]()

        async def work(name: str) -> None:
            async with slots:
                served.append(name)
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as tasks:
            for name in "abc":
                tasks.create_task(work(name))
            for _ in range(5):
                await asyncio.sleep(0)
            async with slots:  # came last, though the slot is free at some moment before
                served.append("d")
        return served

    assert asyncio.run(story()) == ["a", "b", "c", "d"]


def test_who_is_cancelled_takes_no_slot_along() -> None:
    async def story() -> list[str]:
        slots, served, end = Slots(1), list[str](), asyncio.Event()

        async def work(name: str) -> None:
            async with slots:
                served.append(name)
                await end.wait()

        async with asyncio.TaskGroup() as tasks:
            first, waiting, last = [tasks.create_task(work(name)) for name in "abc"]
            for _ in range(5):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            first.cancel()  # gives its slot to the last one, which is cancelled in the same moment
            last.cancel()
            await asyncio.wait([first, last])
            end.set()
            await asyncio.wait_for(work("d"), 5)
        return served

    assert asyncio.run(story()) == ["a", "d"]


def test_a_turn_that_came_with_the_cancelling_goes_to_the_next() -> None:
    async def story() -> None:
        slots = Slots(1)
        await slots.__aenter__()
        waiting = asyncio.ensure_future(slots.__aenter__())
        await asyncio.sleep(0)
        await slots.__aexit__(None, None, None)
        waiting.cancel()
        await asyncio.wait([waiting])
        async with asyncio.timeout(5), slots:
            pass

    asyncio.run(story())
