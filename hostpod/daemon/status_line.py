"""What `systemctl status` says of the pods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from hostpod.host import notify

STATUS_DELAY_S = 0.5


class StatusLine:
    """What `systemctl status` says: pods by phase. Told a moment after a change, many changes at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._counts: Callable[[], Mapping[str, int]] | None = None
        self._waiting = False

    def show(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """From now on tell these."""
        self._counts = counts
        self._tell()

    def changed(self) -> None:
        """Something changed."""
        if self._counts is not None and not self._waiting:
            self._waiting = True
            self._loop.call_later(STATUS_DELAY_S, self._tell)

    def _tell(self) -> None:
        self._waiting = False
        counts = self._counts() if self._counts else {}
        phases = ", ".join(f"{count} {phase.lower()}" for phase, count in sorted(counts.items()))
        notify.status(f"{sum(counts.values())} pods: {phases}" if counts else "no pods")
