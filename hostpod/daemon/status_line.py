"""What `systemctl status` says of the pods."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hostpod.host import notify

STATUS_DELAY_S = 0.5


class StatusLine:
    """Told a moment after a change, many changes at once, and only where it says something else than before."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._text: Callable[[], str] | None = None
        self._told = ""
        self._waiting = False

    def show(self, text: Callable[[], str]) -> None:
        """From now on tell this."""
        self._text = text
        self._tell()

    def changed(self) -> None:
        """Something changed."""
        if self._text is not None and not self._waiting:
            self._waiting = True
            self._loop.call_later(STATUS_DELAY_S, self._tell)

    def _tell(self) -> None:
        self._waiting = False
        text = self._text() if self._text else ""
        if text != self._told:
            self._told = text
            notify.status(text)
