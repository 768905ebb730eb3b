"""The moment when a container's process runs: it touches a file, and inotify tells without anybody polling."""

from __future__ import annotations

import ctypes
import os
import select
import struct
import time
from collections.abc import Iterable
from pathlib import Path

from lab.place import LabError

_IN_CREATE = 0x100
_HEADER = struct.Struct("iIII")


class Marks:
    """A directory that containers have as a hostPath volume."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0 or libc.inotify_add_watch(self._fd, str(directory).encode(), _IN_CREATE) < 0:
            raise LabError(f"cannot watch {directory}: {os.strerror(ctypes.get_errno())}")

    def wait(self, names: Iterable[str], *, within_s: float) -> float:
        """Wait until all of these files were made; the monotonic time at which the last one was."""
        missing = set(names)
        deadline = time.monotonic() + within_s
        while missing:
            ready, _, _ = select.select([self._fd], [], [], max(0.0, deadline - time.monotonic()))
            seen_at = time.monotonic()
            if not ready:
                raise LabError(f"no process in {len(missing)} of the containers within {within_s:g} s")
            missing -= self._made()
        return seen_at

    def clear(self) -> None:
        for path in self.directory.iterdir():
            path.unlink()

    def _made(self) -> set[str]:
        content, names, at = os.read(self._fd, 65536), set(), 0
        while at < len(content):
            length = _HEADER.unpack_from(content, at)[3]
            at += _HEADER.size
            names.add(content[at : at + length].rstrip(b"\0").decode())
            at += length
        return names


def script(name: str) -> str:
    """What a measured container runs: touch its file, then sleep, and end at once on SIGTERM."""
    return f"trap 'exit 0' TERM; > /mark/{name}; sleep 3600 & wait"
