"""What else the machine does."""

from __future__ import annotations

import time
from pathlib import Path


def busy_percent(*, over_s: float = 1.0) -> float:
    """How much of all cores other work takes: figures from a busy machine say little."""
    before = _jiffies()
    time.sleep(over_s)
    busy, total = (after - earlier for after, earlier in zip(_jiffies(), before, strict=True))
    return 100 * busy / max(total, 1)


def _jiffies() -> tuple[int, int]:
    values = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(values) - values[3] - values[4], sum(values)
