"""One at a time, of each name: who comes while another is in waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """`async with turns.of(name):` A name that nobody wants is forgotten."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._users: dict[str, int] = {}

    def names(self) -> frozenset[str]:
        """Those that somebody wants now."""
        return frozenset(self._users)

    @asynccontextmanager
    async def of(self, name: str) -> AsyncIterator[None]:
        """A turn, as soon as the others are done."""
        lock = self._locks.setdefault(name, asyncio.Lock())
        self._users[name] = self._users.get(name, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._users[name] -= 1
            if not self._users[name]:
                del self._users[name], self._locks[name]
