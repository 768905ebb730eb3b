from __future__ import annotations

import pytest

from hostpod.cli.times import human_duration, long_date, parse_time, since

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-2, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (1.9, "1s"),
        (119, "119s"),
        (120, "2m"),
        (130, "2m10s"),
        (10 * MINUTE - 1, "9m59s"),
        (10 * MINUTE + 5, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + 5 * MINUTE, "3h5m"),
        (8 * HOUR - 1, "7h59m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (2 * DAY + 3 * HOUR, "2d3h"),
        (8 * DAY - 1, "7d23h"),
        (9 * DAY + 5 * HOUR, "9d"),
        (2 * YEAR - 1, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + 30 * DAY, "2y30d"),
        (8 * YEAR - 1, "7y364d"),
        (9 * YEAR, "9y"),
    ],
)
def test_durations_as_kubectl_writes_them(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


def test_ages() -> None:
    assert since("1970-01-01T00:01:00Z", now=100) == "40s"
    assert since(None, now=100) == "<unknown>"
    assert since("yesterday", now=100) == "<unknown>"


def test_times_with_nanoseconds() -> None:
    assert parse_time("1970-01-01T00:00:01.373972377Z") == pytest.approx(1.373972)


def test_long_dates() -> None:
    assert long_date("2026-11-21T03:51:35Z") == "Sat, 21 Nov 2026 03:51:35 +0000"
    assert long_date(None) == "Mon, 01 Jan 0001 00:00:00 +0000"
