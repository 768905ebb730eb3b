from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hostpod.images.flights import Flights

Tell = Callable[[int], None]


class RefusedError(Exception):
    """What the work may raise."""


class Work:
    """Work that goes on until it is let go, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.go_on = asyncio.Event()
        self.tell: Tell = print

    async def __call__(self, tell: Tell) -> str:
        self.begun += 1
        self.tell = tell
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return f"result {self.begun}"


def flying(test: Callable[[Flights[str, int], Work, asyncio.TaskGroup], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            await test(Flights(tasks, RefusedError), Work(), tasks)

    asyncio.run(main())


async def soon() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_who_comes_later_joins() -> None:
    async def test(flights: Flights[str, int], work: Work, tasks: asyncio.TaskGroup) -> None:
        first = tasks.create_task(flights.join("a", work, None))
        second = tasks.create_task(flights.join("a", work, None))
        await soon()
        work.go_on.set()
        assert (await first, await second, work.begun) == ("result 1", "result 1", 1)
        assert await flights.join("a", work, None) == "result 2"

    flying(test)


def test_another_key_is_other_work() -> None:
    async def test(flights: Flights[str, int], work: Work, tasks: asyncio.TaskGroup) -> None:
        for key in ("a", "b"):
            tasks.create_task(flights.join(key, work, None))
        await soon()
        work.go_on.set()
        assert work.begun == 2

    flying(test)


def test_one_who_leaves_does_not_disturb_the_others() -> None:
    async def test(flights: Flights[str, int], work: Work, tasks: asyncio.TaskGroup) -> None:
        first = asyncio.ensure_future(flights.join("a", work, None))
        second = tasks.create_task(flights.join("a", work, None))
        await soon()
        first.cancel()
        await soon()
        work.go_on.set()
        assert (await second, work.cancelled) == ("result 1", 0)

    flying(test)


def test_with_the_last_one_the_work_ends_and_who_comes_then_begins_anew() -> None:
    async def test(flights: Flights[str, int], work: Work, tasks: asyncio.TaskGroup) -> None:
        leaving = [asyncio.ensure_future(flights.join("a", work, None)) for _ in range(2)]
        await soon()
        for each in leaving:
            each.cancel()
        await asyncio.wait(leaving)
        again = tasks.create_task(flights.join("a", work, None))
        await soon()
        assert (work.cancelled, work.begun) == (1, 2)
        work.go_on.set()
        assert await again == "result 2"

    flying(test)


def test_a_refusal_goes_to_all_who_wait() -> None:
    async def refuse(_: Tell) -> str:
        await asyncio.sleep(0)
        raise RefusedError("no")

    async def test(flights: Flights[str, int], work: Work, tasks: asyncio.TaskGroup) -> None:
        waiting = [asyncio.ensure_future(flights.join("a", refuse, None)) for _ in range(2)]
        await asyncio.wait(waiting)
        assert [str(each.exception()) for each in waiting] == ["no", "no"]

    flying(test)


def test_a_bug_ends_the_task_group() -> None:
    async def bug(_: Tell) -> str:
        raise ZeroDivisionError

    async def test(flights: Flights[str, int], work: Work, tasks: asyncio.TaskGroup) -> None:
        await flights.join("a", bug, None)

    with pytest.raises(ExceptionGroup) as caught:
        flying(test)
    assert isinstance(caught.value.exceptions[0], ZeroDivisionError)


def test_news_go_to_those_who_listen_now() -> None:
    async def test(flights: Flights[str, int], work: Work, tasks: asyncio.TaskGroup) -> None:
        one, two = [], []  # type: ignore[var-annotated]
        first = asyncio.ensure_future(flights.join("a", work, one.append))
        tasks.create_task(flights.join("a", work, two.append))
        await soon()
        work.tell(1)
        first.cancel()
        await soon()
        work.tell(2)
        assert (one, two) == ([1], [1, 2])
        work.go_on.set()

    flying(test)


def test_all_work_can_be_ended() -> None:
    async def test(flights: Flights[str, int], work: Work, tasks: asyncio.TaskGroup) -> None:
        waiting = [asyncio.ensure_future(flights.join(key, work, None)) for key in "ab"]
        await soon()
        flights.cancel()
        await asyncio.wait(waiting)
        assert work.cancelled == 2
        assert all(each.cancelled() for each in waiting)

    flying(test)
