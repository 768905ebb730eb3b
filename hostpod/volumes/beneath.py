"""Paths that lead nowhere but inside a directory, whatever links are in it and however they change meanwhile.

A subPath lies in a volume that containers write to. If hostpod looked at the path first and mounted it then, a
container could put a link in its place between the two, and show itself the host's files (CVE-2017-1002101,
CVE-2021-25741). So the kernel resolves the path in one call that cannot leave the directory, and what is mounted is the
open descriptor.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hostpod.host.openat2 import FileDescriptor, Resolve, openat2


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    """Of directories that are made."""

    mode: int
    owner: int


def open_beneath(directory: FileDescriptor, path: str) -> FileDescriptor:
    """Open a path inside a directory (O_PATH). Links are followed as long as they stay inside.

    OSError with EXDEV when a link leads out of the directory (an absolute link does, wherever it points).
    """
    return openat2(directory, path, os.O_PATH, Resolve.BENEATH | Resolve.NO_MAGICLINKS)


def open_or_make_beneath(directory: FileDescriptor, path: str, *, owner: int = 0) -> FileDescriptor:
    """Open a path inside a directory like `open_beneath`; directories that are missing are made, with its mode, for
    `owner`."""
    try:
        return open_beneath(directory, path)
    except FileNotFoundError:
        pass
    mode = stat.S_IMODE(os.fstat(directory).st_mode) & (0o777 | stat.S_ISGID)
    parts = PurePosixPath(path).parts
    parent = os.dup(directory)
    for count, part in enumerate(parts, start=1):
        try:
            child = _child(directory, "/".join(parts[:count]), parent, part, _Kind(mode=mode, owner=owner))
        finally:
            os.close(parent)
        parent = child
    return parent


def _child(directory: FileDescriptor, path: str, parent: FileDescriptor, name: str, kind: _Kind) -> FileDescriptor:
    try:
        return open_beneath(directory, path)
    except FileNotFoundError:
        with suppress(FileExistsError):  # somebody was quicker, or it is a link to nothing: the next call tells
            _make(parent, name, kind)
    return open_beneath(directory, path)


def _make(parent: FileDescriptor, name: str, kind: _Kind) -> None:
    os.mkdir(name, kind.mode, dir_fd=parent)
    # The umask has taken bits away. What is opened may already be something else, but then it is not root's.
    made = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=parent)
    try:
        status = os.fstat(made)
        if status.st_uid == os.geteuid():
            if kind.owner:  # the group may be that of the directory above
                os.chown(f"/proc/self/fd/{made}", kind.owner, -1 if status.st_gid else kind.owner)
            Path(f"/proc/self/fd/{made}").chmod(kind.mode)
    finally:
        os.close(made)
