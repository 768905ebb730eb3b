"""One line of `hostpod doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What was looked at, what was found, and how to mend it ("" when it is good)."""

    name: str
    level: Level
    found: str
    mend: str = ""
