"""Reading one manifest file without ever waiting for it: no FIFO, no device, nothing that is just being written."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hostpod.sources.files import Stamp, stamp_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a file holds, whole."""

    data: bytes
    stamp: Stamp


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreadable:
    """A file that is there and cannot be used; `stamp` is None where another look may find it well."""

    reason: str
    stamp: Stamp | None


@dataclass(frozen=True, slots=True)
class BeingWritten:
    """Somebody has the file open for writing; its closing will be told."""


@dataclass(frozen=True, slots=True)
class Absent:
    """No file: nothing of that name, or a directory, which may be there for other reasons."""


# What is opened could wait for ever, or never end. Directories are not among them.
_KINDS = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}

EMPTY = "is empty: write a pod, or delete the file to remove its pods"

Reading = Content | Unreadable | BeingWritten | Absent


def read_manifest(path: Path, *, max_bytes: int, closed: bool, patient: bool = True) -> Reading:
    """The file, if it is whole.

    Whether it is being written is asked of the kernel. Where the kernel cannot tell (some network file systems),
    `closed` decides: whether the file was seen being closed or renamed. Without patience it is read all the same.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return _special(found)
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        return _refused(path, error)
    try:
        return _read(fd, max_bytes=max_bytes, written=(lambda: _is_written(fd, closed=closed)) if patient else _never)
    except OSError as error:
        return _refused(path, error)
    finally:
        os.close(fd)


def too_large(size_bytes: int, max_bytes: int) -> str | None:
    """Why a file of this size is not read; None where it is."""
    if size_bytes <= max_bytes:
        return None
    return f"is {size_bytes} bytes, at most {max_bytes} are read (setting manifests.maxBytes)"


def _read(fd: int, *, max_bytes: int, written: Callable[[], bool]) -> Reading:
    before = os.fstat(fd)
    if not stat.S_ISREG(before.st_mode):
        return _special(before)
    if written():
        return BeingWritten()
    stamp = stamp_of(before)
    if (reason := too_large(stamp.size_bytes, max_bytes)) is not None:
        return Unreadable(reason=reason, stamp=stamp)
    data = _all_of(fd, max_bytes)
    if written() or stamp_of(os.fstat(fd)) != stamp:
        return BeingWritten()
    if not data:
        return Unreadable(reason=EMPTY, stamp=stamp)
    return Content(data=data, stamp=stamp)


def _all_of(fd: int, max_bytes: int) -> bytes:
    parts, left = [], max_bytes
    while left and (part := os.read(fd, left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _is_written(fd: int, *, closed: bool) -> bool:
    """A read lease is only given on a file that nobody has open for writing (fcntl(2)).

    It is given back at once. Who opens the file for writing in between waits for those microseconds, and the signal
    that tells us of it is one that does nothing.
    """
    try:
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN or not closed
    with suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _never() -> bool:
    return False


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:
        return False


def _special(found: os.stat_result) -> Reading:
    kind = _KINDS.get(stat.S_IFMT(found.st_mode))
    if kind is None:
        return Absent()
    reason = f"is {kind}, which is not read: put a file in its place, or remove it"
    return Unreadable(reason=reason, stamp=stamp_of(found))


def _refused(path: Path, error: OSError) -> Reading:
    if error.errno == errno.ENOENT and _is_link(path):
        return Unreadable(reason="is a link to a file that does not exist", stamp=None)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Absent()
    return Unreadable(reason=f"cannot be read: {(error.strerror or str(error)).lower()}", stamp=None)
