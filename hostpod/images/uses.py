"""When each image came, and when it was used last: what garbage collection goes by. It survives the daemon.

One small file, replaced as a whole: at the end, and a minute after something changed at the earliest. What a crash
loses is that minute, so nothing is synced for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from hostpod.host.store import StoreError, write_atomic

SAVED_WITHIN_S = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """Wall seconds."""

    came: float
    used: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    images: dict[str, Use]


_FILE = TypeAdapter(_File)


class Uses:
    """By image id. For one thread, that of the event loop."""

    def __init__(self, path: Path, *, now: Callable[[], float]) -> None:
        self._path = path
        self._now = now
        self._uses: dict[str, Use] = {}
        self._timer: asyncio.TimerHandle | None = None

    def open(self, images: Collection[str]) -> None:
        """Read what an earlier daemon knew of these; what it did not know of came just now."""
        now, known = self._now(), _load(self._path)
        for image in images:
            use = known.get(image, Use(came=now, used=now))
            # A clock that was set back: what is in the future would not be removed until then.
            self._uses[image] = Use(came=min(use.came, now), used=min(use.used, now))
        if self._uses != known:
            self._changed()

    def of(self, image: str) -> Use:
        """When it came and was used; an image that came is used by that."""
        return self._uses.get(image) or Use(came=self._now(), used=self._now())

    def note(self, image: str) -> None:
        """It came, or it is used now, or was until now."""
        now = self._now()
        self._uses[image] = replace(self._uses[image], used=now) if image in self._uses else Use(came=now, used=now)
        self._changed()

    def forget(self, image: str) -> None:
        """It is gone."""
        if self._uses.pop(image, None):
            self._changed()

    def close(self) -> None:
        """Write down what is not written yet."""
        if self._timer is not None:
            self._save()

    def _changed(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SAVED_WITHIN_S, self._save)

    def _save(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        try:
            write_atomic(self._path, _FILE.dump_json(_File(images=self._uses)), durable=False)
        except StoreError as error:
            log.warning("when images were used is not written down: %s", error)


def _load(path: Path) -> dict[str, Use]:
    try:
        return _FILE.validate_json(path.read_bytes()).images
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        log.warning("when images were used is forgotten: cannot read %s: %s", path, str(error).splitlines()[0])
        return {}
