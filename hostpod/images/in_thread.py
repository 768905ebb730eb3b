"""Work in a thread that nobody leaves behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)


async def in_thread(work: Callable[[], T], stop: Callable[[], None] = lambda: None) -> T:
    """`asyncio.to_thread` for what must not go on beside what comes next: who is cancelled waits for its end, and
    `stop` may ask it to hurry."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([future])
        if error := future.exception():
            log.warning("what was cancelled had failed: %s", error)
        raise
