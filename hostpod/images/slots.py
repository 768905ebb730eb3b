"""How many may work at once, a number that can be changed while they do."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Slots:
    """`async with slots:` waits for a free one. With fewer than are taken, those go on and nobody follows them."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._taken = 0
        self._freed = asyncio.Event()

    def resize(self, count: int) -> None:
        """So many from now on."""
        self._count = count
        self._freed.set()

    async def __aenter__(self) -> None:
        while self._taken >= self._count:
            self._freed.clear()
            await self._freed.wait()
        self._taken += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._taken -= 1
        self._freed.set()
