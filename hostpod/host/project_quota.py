"""What a directory has on disk, counted by its file system: the project quotas of ext4 and xfs.

A directory that is given a project hands it to all that is made in it from then on, and the file system keeps the count
of each project: to read it costs a system call, however many files there are. Limits are not set, and what is asked
is the file system itself: nothing is written down.

Whoever owns a file may give it another project (FS_IOC_FSSETXATTR), so the count is not proof against its owner.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import secrets
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hostpod.host.openat2 import FileDescriptor
from hostpod.host.usage import DiskUsage

# The kubelet's projects begin there as well; below it are those of administrators (/etc/projects).
_FIRST, _END = 1 << 20, 1 << 31

# linux/fs.h: struct fsxattr has xflags, extsize, nextents, projid, cowextsize and 8 bytes of padding.
_GET_ATTRIBUTES, _SET_ATTRIBUTES = 0x801C581F, 0x401C5820
_ATTRIBUTES = struct.Struct("=5I8x")
_INHERIT = 0x200  # FS_XFLAG_PROJINHERIT
# linux/quota.h: struct if_dqblk has limits and count of bytes, of inodes, two times and which of them are valid.
_GET_QUOTA = 0x800007 << 8 | 2  # QCMD(Q_GETQUOTA, PRJQUOTA)
_QUOTA = struct.Struct("=8QI4x")
_QUOTACTL_FD = 443

# A file system that has no projects, or does not count them; a kernel before 5.14; a daemon in a container.
_NOT_HERE = frozenset(
    {errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS, errno.ESRCH, errno.EINVAL, errno.ENODEV, errno.EPERM}
)

_NOT_THERE = (FileNotFoundError, NotADirectoryError)

_libc = ctypes.CDLL(None, use_errno=True)


def give_project(directory: Path) -> None:
    """Have the file system count what will be in a directory, from nothing on: one that has entries, or a project of
    its own, stays as it is, and so does one on a file system that counts none. Raises OSError."""
    with _opened(directory) as descriptor, suppress(_UncountedError):
        if not _own_project(descriptor) and _is_empty(descriptor):
            _set_project(descriptor, _unused(descriptor))


def projects_usage(top: Path, parts: Iterable[Path] = ()) -> DiskUsage | None:
    """What a directory has that was given a project, with those `parts` of it that were given others; None where it
    was not, or is not there. Parts that are not there are left out. Raises OSError."""
    with suppress(_UncountedError, *_NOT_THERE), _opened(top) as descriptor:
        project = _own_project(descriptor)
        if project:
            found = {project: _count(descriptor, project), **dict(_counted(parts))}
            return sum(found.values(), DiskUsage())
    return None


def _counted(parts: Iterable[Path]) -> Iterator[tuple[int, DiskUsage]]:
    for part in parts:
        with suppress(*_NOT_THERE), _opened(part) as descriptor:
            project = _project(descriptor)
            yield project, _count(descriptor, project)


class _UncountedError(Exception):
    """The file system does not count projects."""


@contextmanager
def _opened(directory: Path) -> Iterator[FileDescriptor]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _own_project(descriptor: FileDescriptor) -> int:
    """That of a directory, unless it has it from the one above."""
    project = _project(descriptor)
    above = os.open("..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)
    try:
        return 0 if project == _project(above) else project
    finally:
        os.close(above)


def _is_empty(descriptor: FileDescriptor) -> bool:
    with os.scandir(descriptor) as entries:
        return not any(entries)


def _project(descriptor: FileDescriptor) -> int:
    """That which is handed on to what is made in a directory; 0 for none."""
    xflags, _, _, project, _ = _attributes(descriptor)
    return project if xflags & _INHERIT else 0


def _attributes(descriptor: FileDescriptor) -> tuple[int, ...]:
    try:
        return _ATTRIBUTES.unpack(fcntl.ioctl(descriptor, _GET_ATTRIBUTES, bytes(_ATTRIBUTES.size)))
    except OSError as error:
        raise _UncountedError if error.errno in _NOT_HERE else error from error


def _set_project(descriptor: FileDescriptor, project: int) -> None:
    xflags, extsize, nextents, _, cowextsize = _attributes(descriptor)
    wanted = _ATTRIBUTES.pack(xflags | _INHERIT, extsize, nextents, project, cowextsize)
    try:
        fcntl.ioctl(descriptor, _SET_ATTRIBUTES, wanted)
    except OSError as error:
        raise _UncountedError if error.errno in _NOT_HERE else error from error


def _unused(descriptor: FileDescriptor) -> int:
    """A project that has no file."""
    while True:
        project = _FIRST + secrets.randbelow(_END - _FIRST)
        if not _count(descriptor, project).inodes:
            return project


def _count(descriptor: FileDescriptor, project: int) -> DiskUsage:
    block = ctypes.create_string_buffer(_QUOTA.size)
    arguments = map(ctypes.c_long, (_QUOTACTL_FD, descriptor, _GET_QUOTA, project))
    if _libc.syscall(*arguments, block) == 0:
        fields = _QUOTA.unpack(block.raw)
        return DiskUsage(used_bytes=fields[2], inodes=fields[5])
    number = ctypes.get_errno()
    if number == errno.ENOENT:  # xfs, of one that nobody has ever used
        return DiskUsage()
    if number in _NOT_HERE:
        raise _UncountedError
    raise OSError(number, os.strerror(number))
