from __future__ import annotations

from hostpod.host import clock


def test_the_clocks_run() -> None:
    assert clock.now() > 1_700_000_000
    first = clock.monotonic()
    assert clock.monotonic() >= first
