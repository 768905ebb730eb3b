"""systemd's watchdog, fed by what was done and not by a timer: docs/decisions/1011-watchdog.md."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from hostpod.host import notify

log = logging.getLogger(__name__)

Ping = Callable[[Callable[[], None]], None]


async def keep_alive(watchdog_s: float | None, pings: Callable[[], Mapping[str, Ping]]) -> None:
    """Tell systemd twice within its patience that all who are pinged have answered. Returns where nobody waits for it.

    While an answer is missing nothing is told, and systemd ends the daemon when its patience does: containers go on.
    """
    if watchdog_s is None:
        return
    period_s = watchdog_s / 2
    while True:
        notify.alive()
        await asyncio.sleep(period_s)
        # Told well before systemd's patience ends: who does not answer must be in the journal by then.
        await _all_answer(pings(), told_after_s=period_s / 2)


async def _all_answer(pings: Mapping[str, Ping], *, told_after_s: float) -> None:
    missing, all_here = set(pings), asyncio.Event()

    def answer(name: str) -> None:
        missing.discard(name)
        if not missing:
            all_here.set()

    for name, ping in pings.items():
        ping(partial(answer, name))
    if not missing:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(told_after_s):
            await all_here.wait()
    if missing:
        log.error(
            "no sign of life from %s for %g s: the watchdog is not fed",
            ", ".join(sorted(missing)),
            told_after_s,
            extra={"event": "Stalled"},
        )
        await all_here.wait()
