"""Pressure stall information: the kernel tells when work waits for memory, and nobody needs to look before.

A trigger (Documentation/accounting/psi.rst) is told of as POLLPRI, at most once in its window. The event loop waits for
input only; an epoll descriptor that holds the trigger is readable when the trigger has something to tell.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/proc/pressure/memory")

# A window of 2 s is one that the kernel lets anybody have; a tenth of it spent waiting is no chance event.
_TRIGGER = b"some 200000 2000000\0"


@contextmanager
def memory_stalls(told: Callable[[], None], pressure: Path = MEMORY) -> Iterator[bool]:
    """Call `told` whenever work has waited for memory for 0.2 s of 2 s. False where the kernel cannot tell."""
    try:
        trigger = os.open(pressure, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no such file, or EOPNOTSUPP: the kernel was built or booted without
        yield False
        return
    try:
        os.write(trigger, _TRIGGER)
    except OSError:  # a copy of /proc that cannot be written, or all triggers are taken
        os.close(trigger)
        yield False
        return
    try:
        with on_urgent(trigger, told):
            yield True
    finally:
        os.close(trigger)


@contextmanager
def on_urgent(descriptor: int, told: Callable[[], None]) -> Iterator[None]:
    """Call `told` whenever a descriptor has something urgent."""
    waiting = select.epoll()
    waiting.register(descriptor, select.EPOLLPRI)
    loop = asyncio.get_running_loop()

    def urgent() -> None:
        # A trigger is told of once: the event loop's own question, why this is readable, was that once.
        waiting.poll(0)
        told()

    loop.add_reader(waiting.fileno(), urgent)
    try:
        yield
    finally:
        loop.remove_reader(waiting.fileno())
        waiting.close()
