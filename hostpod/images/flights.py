"""Work that several wait for: who comes while it is under way joins it, and it ends with the last one who leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
News = TypeVar("News")


@dataclass(kw_only=True, slots=True)
class _Flight(Generic[T, News]):
    outcome: asyncio.Future[T]
    task: asyncio.Task[None] | None = None
    waiters: int = 0
    listeners: list[Callable[[News], None]] = field(default_factory=list)

    def tell(self, news: News) -> None:
        for listener in self.listeners:
            listener(news)


class Flights(Generic[T, News]):
    """Work by key; `changed` is called when there is more or less of it. What is raised of the kind `refusal` goes to
    those who wait; anything else is a bug, and also ends the task group."""

    def __init__(self, tasks: asyncio.TaskGroup, refusal: type[Exception]) -> None:
        self._tasks = tasks
        self._refusal = refusal
        self._flights: dict[str, _Flight[T, News]] = {}
        self.changed: Callable[[], None] = _nobody

    def __len__(self) -> int:
        return len(self._flights)

    async def join(
        self,
        key: str,
        work: Callable[[Callable[[News], None]], Awaitable[T]],
        listener: Callable[[News], None] | None,
    ) -> T:
        """The result of the work under this key, which is begun if it is not under way. `work` gets a function that
        tells all listeners; they are called in the loop's own thread."""
        flight = self._flights.get(key) or self._begin(key, work)
        flight.waiters += 1
        if listener:
            flight.listeners.append(listener)
        try:
            return await asyncio.shield(flight.outcome)
        finally:
            flight.waiters -= 1
            if listener:
                flight.listeners.remove(listener)
            if not flight.waiters and not flight.outcome.done():
                self._cancel(key, flight)

    def cancel(self) -> None:
        """End all work; who waits for it is cancelled."""
        for key, flight in [*self._flights.items()]:
            self._cancel(key, flight)

    def _begin(self, key: str, work: Callable[[Callable[[News], None]], Awaitable[T]]) -> _Flight[T, News]:
        flight: _Flight[T, News] = _Flight(outcome=asyncio.get_running_loop().create_future())
        self._flights[key] = flight
        self.changed()
        flight.task = self._tasks.create_task(self._fly(key, flight, work), name=key)
        return flight

    async def _fly(
        self, key: str, flight: _Flight[T, News], work: Callable[[Callable[[News], None]], Awaitable[T]]
    ) -> None:
        try:
            flight.outcome.set_result(await work(flight.tell))
        except self._refusal as refusal:
            flight.outcome.set_exception(refusal)
        finally:
            if not flight.outcome.done():
                flight.outcome.cancel()
            self._forget(key, flight)

    def _cancel(self, key: str, flight: _Flight[T, News]) -> None:
        """Who comes now begins anew, and does not wait until this one is cleaned up."""
        self._forget(key, flight)
        assert flight.task is not None, "set when it began"
        flight.task.cancel()

    def _forget(self, key: str, flight: _Flight[T, News]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
            self.changed()


def _nobody() -> None:
    """Nobody wants to know how much work there is."""
