"""openat2(2): a path that the kernel resolves in one call, within bounds that no link and no rename can leave."""

from __future__ import annotations

import ctypes
import enum
import errno
import os

FileDescriptor = int

_SYS_OPENAT2 = 437
# The kernel gives up on a path with ".." when something is renamed meanwhile, and wants to be asked again.
_ATTEMPTS = 128

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class Resolve(enum.IntFlag):
    """RESOLVE_* of openat2(2)."""

    NO_XDEV = 0x01
    NO_MAGICLINKS = 0x02
    NO_SYMLINKS = 0x04
    BENEATH = 0x08
    IN_ROOT = 0x10


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def openat2(directory: FileDescriptor, path: str, flags: int, resolve: Resolve) -> FileDescriptor:
    """Open a path from a directory. OSError with EXDEV or ELOOP when it leaves the bounds."""
    how = _OpenHow(flags=flags | os.O_CLOEXEC, mode=0, resolve=resolve)
    number = errno.EAGAIN
    for _ in range(_ATTEMPTS):
        found = _libc.syscall(
            ctypes.c_long(_SYS_OPENAT2), directory, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how)
        )
        if found >= 0:
            return int(found)
        number = ctypes.get_errno()
        if number != errno.EAGAIN:
            break
    raise OSError(number, os.strerror(number), path)
