"""The clocks: the one place that reads them. Everything that decides gets the time as an argument."""

from __future__ import annotations

import asyncio
import time


def now() -> float:
    """Seconds since 1970, as people and other machines count them; it may jump."""
    return time.time()


def monotonic() -> float:
    """Seconds since some moment before; it never jumps, and stands still while the machine is suspended."""
    return time.monotonic()


async def until(moment: float) -> None:
    """Sleep until a moment of the event loop's clock. All who wait for the same one are woken together."""
    loop = asyncio.get_running_loop()
    reached: asyncio.Future[None] = loop.create_future()
    timer = loop.call_at(moment, reached.set_result, None)
    try:
        await reached
    finally:
        timer.cancel()
