"""Blobs that have come: skopeo renames each into place, and inotify tells, so layers are built while others come."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from hostpod.host.inotify import Inotify, Mask


class Arrivals:
    """Watches a directory of blobs, which must exist, for names. Use it as a context manager."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._there: dict[str, asyncio.Event] = {}
        self._complete = False
        self._inotify = Inotify()

    def __enter__(self) -> Self:
        self._inotify.add(self._directory, Mask.MOVED_TO)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inotify.close()

    async def watch(self) -> None:
        """Tell the waiters, until cancelled."""
        while True:
            for event in await self._inotify.read():
                self._event(event.name).set()

    async def wait_for(self, name: str) -> bool:
        """Until the blob is there, whole; false when all has come and it has not."""
        path = self._directory / name
        if not path.exists() and not self._complete:
            await self._event(name).wait()
        return path.exists()

    def are_complete(self) -> None:
        """Nothing more comes: nobody need wait any longer, even if the kernel's queue of events was too short."""
        self._complete = True
        for event in self._there.values():
            event.set()

    def _event(self, name: str) -> asyncio.Event:
        return self._there.setdefault(name, asyncio.Event())
