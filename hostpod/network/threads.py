"""Blocking calls of the network, in threads of its own: long work of other rooms cannot hold them up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(executor: ThreadPoolExecutor, call: Callable[[], Result]) -> Result:
    """Run a blocking call. A thread cannot be cancelled: a cancellation waits for its end, so that undoing follows."""
    future = asyncio.get_running_loop().run_in_executor(executor, call)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise


class Gathered:
    """A call for many names at once: what is asked for while one call is under way goes together into the next."""

    def __init__(self, call: Callable[[Iterable[str]], None]) -> None:
        self._call = call
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="network-gathered")
        self._under_way = asyncio.Lock()
        self._waiting: set[str] = set()

    async def __call__(self, names: Iterable[str]) -> None:
        """Returns when the call that included these names has ended."""
        self._waiting.update(names)
        async with self._under_way:
            together, self._waiting = self._waiting, set()
            if not together:
                return
            try:
                await in_thread(self._executor, lambda: self._call(together))
            except BaseException:
                self._waiting |= together  # the next in line tries again
                raise

    def close(self) -> None:
        self._executor.shutdown()
