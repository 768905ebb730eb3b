"""Pods as people see them: rendered when somebody asks, and each change told to whoever watches."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from typing import Any

from hostpod.engine.watchers import Change, Watchers

PodJson = Mapping[str, Any]


class Sights:
    """Of the pods that `keys` names; `look` renders one as it is now, None where there is none (any more)."""

    def __init__(self, keys: Callable[[], Collection[str]], look: Callable[[str], PodJson | None]) -> None:
        self._keys = keys
        self._look = look
        self._watchers = Watchers()
        self._shown: dict[str, PodJson] = {}

    def all(self) -> list[PodJson]:
        """Every pod, by its key."""
        rendered = (self._look(key) for key in sorted(self._keys()))
        return [pod for pod in rendered if pod is not None]

    def watch(self) -> AsyncGenerator[Change, None]:
        """All pods, then each change of one."""
        return self._watchers.watch(self._present)

    def _present(self) -> list[Change]:
        """All pods for a new watcher; the others are told of what has changed since they were told last."""
        for key in sorted({*self._keys(), *self._shown}):
            self._show(key)
        return [{"type": "ADDED", "object": pod} for _, pod in sorted(self._shown.items())]

    def tell(self, key: str) -> None:
        """Something may have changed of this pod. Costs nothing while nobody watches."""
        if self._watchers:
            self._show(key)

    def _show(self, key: str) -> None:
        before, after = self._shown.get(key), self._look(key)
        if after == before:
            return
        if before is not None and (after is None or after["metadata"]["uid"] != before["metadata"]["uid"]):
            del self._shown[key]  # another uid is another pod
            self._watchers.tell({"type": "DELETED", "object": before})
            before = None
        if after is not None:
            self._shown[key] = after
            self._watchers.tell({"type": "MODIFIED" if before else "ADDED", "object": after})
