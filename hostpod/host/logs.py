"""Reading container logs in CRI format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class LogOptions:
    """What of a log is wanted; the names are those of v1 PodLogOptions.

    `since_s` is the wall clock (seconds since 1970) before which lines are left out, `tail_lines` counts from the end,
    `previous` asks for the container's instance before this one.
    """

    follow: bool = False
    tail_lines: int | None = None
    timestamps: bool = False
    previous: bool = False
    since_s: float | None = None
    limit_bytes: int | None = None
