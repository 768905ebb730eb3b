"""inotify by system call: changes of directories as asyncio events, without threads and without polling."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from types import TracebackType
from typing import Self

# <linux/inotify.h>: int wd; uint32_t mask, cookie, len; char name[len]
_HEADER = struct.Struct("iIII")
_READ_BYTES = 64 * 1024


class Mask(IntFlag):
    """What to be told of, and what an event says. Values of <linux/inotify.h>."""

    MODIFY = 0x0002
    ATTRIB = 0x0004
    CLOSE_WRITE = 0x0008
    MOVED_FROM = 0x0040
    MOVED_TO = 0x0080
    CREATE = 0x0100
    DELETE = 0x0200
    DELETE_SELF = 0x0400
    MOVE_SELF = 0x0800
    UNMOUNT = 0x2000
    Q_OVERFLOW = 0x4000
    IGNORED = 0x8000
    ONLYDIR = 0x0100_0000
    ISDIR = 0x4000_0000


class InotifyError(OSError):
    """A directory cannot be watched; the message says why, and which limit to raise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A change: in which watch (-1: events were lost), what, and of which name in the directory ("": of itself)."""

    watch: int
    mask: Mask
    cookie: int
    name: str


def decode(data: bytes) -> tuple[Event, ...]:
    """The events of one read."""
    events, offset = [], 0
    while offset < len(data):
        watch, mask, cookie, length = _HEADER.unpack_from(data, offset)
        offset += _HEADER.size
        name = os.fsdecode(data[offset : offset + length].rstrip(b"\0"))
        events.append(Event(watch=watch, mask=Mask(mask), cookie=cookie, name=name))
        offset += length
    return tuple(events)


class Inotify:
    """One queue of events. Use it as a context manager; one reader at a time."""

    def __init__(self) -> None:
        self._woken = False
        self._reader: asyncio.Future[None] | None = None
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise _error("cannot watch files")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give all watches back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def add(self, path: Path, mask: Mask) -> int:
        """Watch a directory or file; the number is that of its events. Again: its mask is replaced."""
        watch: int = self._libc.inotify_add_watch(self._fd, os.fsencode(path), ctypes.c_uint32(mask))
        if watch < 0:
            raise _error(f"cannot watch {path}")
        return watch

    def remove(self, watch: int) -> None:
        """No further events of a watch; one that ended by itself is fine."""
        self._libc.inotify_rm_watch(self._fd, watch)

    async def read(self, timeout_s: float | None = None) -> tuple[Event, ...]:
        """The events since the last call, as soon as there are any; none when the time is over, or after `wake`."""
        events = self._take()
        woken, self._woken = self._woken, False
        if events or timeout_s == 0 or woken:
            return events
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._readable()
        self._woken = False
        return self._take()

    def wake(self) -> None:
        """The read under way, or the next one, comes back at once."""
        self._woken = True
        if self._reader is not None:
            _resolve(self._reader)

    def _take(self) -> tuple[Event, ...]:
        try:
            return decode(os.read(self._fd, _READ_BYTES))
        except BlockingIOError:
            return ()

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._fd, _resolve, ready)
        self._reader = ready
        try:
            await ready
        finally:
            self._reader = None
            loop.remove_reader(self._fd)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _error(what: str) -> InotifyError:
    number = ctypes.get_errno()
    limit = {
        errno.ENOSPC: " (raise the sysctl fs.inotify.max_user_watches)",
        errno.EMFILE: " (raise the sysctl fs.inotify.max_user_instances or the limit of open files)",
    }.get(number, "")
    return InotifyError(number, f"{what}: {os.strerror(number).lower()}{limit}")
