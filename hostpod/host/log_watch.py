"""inotify of one log: it grew, it was closed by its writer, or another file took its name."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

_libc = ctypes.CDLL(None, use_errno=True)

_MODIFY, _CLOSE_WRITE, _MOVED_TO, _CREATE = 0x2, 0x8, 0x80, 0x100
_HEAD = struct.Struct("iIII")


class LogWatch:
    """A watch of the directory that a log is in. Only events about its name count."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory, self._name = directory, name.encode()
        self._fd = -1

    def __enter__(self) -> Self:
        self._fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        mask = _MODIFY | _CLOSE_WRITE | _MOVED_TO | _CREATE
        if self._fd < 0 or _libc.inotify_add_watch(self._fd, os.fsencode(self._directory), mask) < 0:
            number = ctypes.get_errno()
            self.__exit__(None, None, None)
            raise OSError(number, f"cannot watch the log: {os.strerror(number)}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    async def closed_or_changed(self, timeout_s: float) -> bool:
        """Wait until something happened to the log or the time is over; true when its writer has closed it."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._fd, ready.set)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    await ready.wait()
                    ready.clear()
                    masks = [mask for mask, name in self._events() if name == self._name]
                    if masks:
                        return any(mask & _CLOSE_WRITE for mask in masks)
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(self._fd)

    def _events(self) -> list[tuple[int, bytes]]:
        try:
            data = os.read(self._fd, 64 * 1024)
        except BlockingIOError:
            return []
        events, offset = [], 0
        while offset < len(data):
            _, mask, _, length = _HEAD.unpack_from(data, offset)
            name = data[offset + _HEAD.size : offset + _HEAD.size + length].rstrip(b"\0")
            events.append((mask, name))
            offset += _HEAD.size + length
        return events
