"""Times as kubectl writes them. Pure: now is an argument."""

from __future__ import annotations

from datetime import datetime

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400
UNKNOWN = "<unknown>"


def parse_time(text: str | None) -> float | None:
    """Seconds since 1970 of an RFC 3339 time; None for none."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def human_duration(seconds: float) -> str:
    """Two or three figures of a duration: 45s, 5m10s, 3h20m, 8d, 2y30d: kubectl's rule for every column of ages."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 2 * _MINUTE:
        return f"{max(whole, 0)}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    return _long_duration(whole)


def _long_duration(whole: int) -> str:
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    if whole < 8 * _YEAR:
        return _two(whole, _YEAR, "y", _DAY, "d")
    return f"{whole // _YEAR}y"


def _two(whole: int, big: int, big_name: str, small: int, small_name: str) -> str:
    rest = whole % big // small
    return f"{whole // big}{big_name}" + (f"{rest}{small_name}" if rest else "")


def since(text: str | None, now: float) -> str:
    """How long ago a time was."""
    time = parse_time(text)
    return UNKNOWN if time is None else human_duration(now - time)


def long_date(text: str | None) -> str:
    """A time in this host's zone: `Sat, 21 Nov 2026 03:51:35 +0000`."""
    time = parse_time(text)
    if time is None:
        return "Mon, 01 Jan 0001 00:00:00 +0000"  # Go's zero time, as kubectl shows it
    return datetime.fromtimestamp(time).astimezone().strftime("%a, %d %b %Y %H:%M:%S %z")
