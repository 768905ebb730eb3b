"""Whoever watches a stream of changes: each has a queue of its own, and one that lags far behind is let go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any

Change = Mapping[str, Any]
QUEUE_LIMIT = 1000


class Watchers:
    """The watchers of one stream. Telling them never waits."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Change | None]] = set()

    def __bool__(self) -> bool:
        return bool(self._queues)

    def tell(self, change: Change) -> None:
        """Hand a change to every watcher."""
        for queue in self._queues:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(change)

    async def watch(self, present: Callable[[], Iterable[Change]]) -> AsyncGenerator[Change, None]:
        """First what is there, then each change; ends when the watcher lagged too far behind.

        What is there is asked for at the moment from which on changes are told, so that none falls in between.
        """
        queue: asyncio.Queue[Change | None] = asyncio.Queue(QUEUE_LIMIT)
        first = tuple(present())
        self._queues.add(queue)
        try:
            for change in first:
                yield change
            while (change_or_end := await queue.get()) is not None:
                yield change_or_end
        finally:
            self._queues.discard(queue)
