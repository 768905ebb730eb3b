"""How many may work at once, a number that can be changed while they do."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType


class Slots:
    """`async with slots:` waits for a free one: who came first is served first. With fewer than are taken, those go on
    and nobody follows them."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def resize(self, count: int) -> None:
        """So many from now on."""
        self._count = count
        self._serve()

    def are_taken(self) -> bool:
        """Whether who comes now has to wait."""
        return self._taken >= self._count

    async def __aenter__(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._serve()
        if turn.done():
            return
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was our turn already: the next one has it
                self._taken -= 1
            self._serve()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._taken -= 1
        self._serve()

    def _serve(self) -> None:
        while self._waiting and (self._taken < self._count or self._waiting[0].done()):
            turn = self._waiting.popleft()
            if not turn.done():  # else its owner was cancelled
                self._taken += 1
                turn.set_result(None)
