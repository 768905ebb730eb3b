"""The clocks: the one place that reads them. Everything that decides gets the time as an argument."""

from __future__ import annotations

import time


def now() -> float:
    """Seconds since 1970, as people and other machines count them; it may jump."""
    return time.time()


def monotonic() -> float:
    """Seconds since some moment before; it never jumps, and stands still while the machine is suspended."""
    return time.monotonic()
