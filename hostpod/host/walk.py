"""Everything below a directory that somebody else may be changing meanwhile: by descriptors, never by paths.

A container can nest directories deeper than any path may be long, and put a link in the place of a directory that was
just looked at. Neither is an error, and no link is followed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from hostpod.host.openat2 import FileDescriptor

# Each level takes two descriptors while it is walked; what lies deeper is not found.
MOST_LEVELS = 2048
# It went, or another thing is there now; or it is a file system of a container's own that root may not enter.
_CLOSED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.ESTALE})


@dataclass(frozen=True, slots=True)
class Found:
    """One entry of a directory. `parent` is open until the next one is asked for."""

    parent: FileDescriptor
    name: str
    status: os.stat_result


class _Level:
    def __init__(self, descriptor: FileDescriptor) -> None:
        self.descriptor = descriptor
        self.entries = os.scandir(descriptor)

    def close(self) -> None:
        self.entries.close()
        os.close(self.descriptor)


def walk(top: FileDescriptor, *, one_device: bool = False) -> Iterator[Found]:
    """Every entry below an open directory, those above before those below; `one_device` enters no other file system."""
    device = os.fstat(top).st_dev
    levels = [_Level(os.dup(top))]
    try:
        while levels:
            entry = next(levels[-1].entries, None)
            if entry is None:
                levels.pop().close()
                continue
            parent = levels[-1].descriptor
            with suppress(FileNotFoundError):
                status = os.stat(entry.name, dir_fd=parent, follow_symlinks=False)
                if one_device and status.st_dev != device:
                    continue
                yield Found(parent, entry.name, status)
                if stat.S_ISDIR(status.st_mode) and len(levels) < MOST_LEVELS:
                    levels += _opened(entry.name, parent)
    finally:
        for level in levels:
            level.close()


def _opened(name: str, parent: FileDescriptor) -> list[_Level]:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except OSError as error:
        if error.errno in _CLOSED:
            return []
        raise
    try:
        return [_Level(descriptor)]
    except BaseException:
        os.close(descriptor)
        raise
