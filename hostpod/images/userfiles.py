"""/etc/passwd and /etc/group of an image, read without being led out of it."""

from __future__ import annotations

import ctypes
import os
import stat
from pathlib import Path

LIMIT_BYTES = 4 * 1024 * 1024

_SYS_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS, _RESOLVE_IN_ROOT = 0x02, 0x10

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def read_user_files(rootfs: Path) -> tuple[str, str]:
    """The texts of passwd and group, "" where there is none. A link is followed as the container would follow it."""
    root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _text(root, "etc/passwd"), _text(root, "etc/group")
    finally:
        os.close(root)


def _text(root: int, path: str) -> str:
    # Not blocking: an image may have a fifo there.
    how = _OpenHow(
        flags=os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC,
        resolve=_RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS,
    )
    descriptor = _libc.syscall(_SYS_OPENAT2, root, path.encode(), ctypes.byref(how), ctypes.sizeof(how))
    if descriptor < 0:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return os.pread(descriptor, LIMIT_BYTES, 0).decode(errors="replace")
    finally:
        os.close(descriptor)
