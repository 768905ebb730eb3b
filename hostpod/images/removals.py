"""Files that nobody needs any more: removed in the background, and at a start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from hostpod.host.store import StoreError, remove_tree

log = logging.getLogger(__name__)


class Removals:
    """A file system takes its time for big files, and for many: nobody waits for it who need not. Works in `tasks`."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._under_way: set[asyncio.Task[None]] = set()

    def begin(self, paths: Sequence[Path]) -> None:
        """Remove these, one after another. What cannot be removed is told and stays until the next start."""
        if paths:
            removal = self._tasks.create_task(_remove(paths), name="remove layers")
            self._under_way.add(removal)
            removal.add_done_callback(self._under_way.discard)

    async def settled(self) -> None:
        """Wait until what was begun is done."""
        if self._under_way:
            await asyncio.wait(self._under_way)


async def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        try:
            await asyncio.to_thread(remove_tree, path)
        except (OSError, StoreError) as error:
            log.warning("layers that nobody needs stay until the next start: %s", error)


def emptied(directory: Path) -> Path:
    """Remove what is in it and make it anew. The children of a daemon that was killed may still write for a moment."""
    for last in (False, False, True):
        try:
            remove_tree(directory)
        except StoreError:
            if last:
                raise
        else:
            break
    directory.mkdir(mode=0o700, parents=True)
    return directory
