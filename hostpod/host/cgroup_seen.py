"""What is done on a cgroup's files, which are the same whoever made it."""

from __future__ import annotations

import asyncio

from hostpod.host.cgroup import Cgroups
from hostpod.host.cgroup_layout import Layout


class SeenCgroups:
    """Cgroups that are looked at, killed and counted. What both drivers begin with."""

    def __init__(self, tree: Cgroups) -> None:
        self._tree = tree

    @property
    def layout(self) -> Layout:
        return self._tree.layout

    @property
    def controllers(self) -> frozenset[str]:
        return self._tree.controllers

    def exists(self, path: str) -> bool:
        """Whether some hierarchy has it."""
        return self._tree.exists(path)

    async def kill_all(self, path: str) -> None:
        await asyncio.to_thread(self._tree.kill_all, path)

    def oom_kills(self, path: str) -> int:
        return self._tree.oom_kills(path)
