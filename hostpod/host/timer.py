"""Waiting for a moment. Apart from the clocks, which every command reads: this needs an event loop."""

from __future__ import annotations

import asyncio


async def until(moment: float) -> None:
    """Sleep until a moment of the event loop's clock. All who wait for the same one are woken together."""
    loop = asyncio.get_running_loop()
    reached: asyncio.Future[None] = loop.create_future()
    timer = loop.call_at(moment, reached.set_result, None)
    try:
        await reached
    finally:
        timer.cancel()
