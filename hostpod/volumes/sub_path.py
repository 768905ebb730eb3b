"""subPath: a part of a volume, bound to a place of hostpod's own, from where the container gets it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from hostpod.host.mount import IdMap, MountError, bind, detach
from hostpod.host.openat2 import FileDescriptor
from hostpod.volumes.beneath import open_or_make_beneath
from hostpod.volumes.errors import VolumeError, reason


def bind_sub_path(volume: Path, sub_path: str, target: Path, *, idmap: IdMap | None = None, owner: int = 0) -> None:
    """Bind `sub_path` of a volume to `target`, which is replaced; a missing directory is made in the volume, `owner`'s.

    What is bound is what was resolved: a link that is put in its place afterwards changes nothing.
    """
    try:
        found = _resolve(volume, sub_path, owner)
        try:
            _bind(found, target, idmap)
        finally:
            os.close(found)
    except OSError as error:
        raise VolumeError(f'subPath "{sub_path}": {_why(error)}') from error


def bind_mapped(volume: Path, target: Path, idmap: IdMap) -> None:
    """Bind a whole volume to `target`, which is replaced, for a pod that has ids of its own."""
    found = os.open(volume, os.O_PATH | os.O_CLOEXEC)
    try:
        _bind(found, target, idmap)
    except OSError as error:
        raise VolumeError(_why(error)) from error
    finally:
        os.close(found)


def _bind(found: FileDescriptor, target: Path, idmap: IdMap | None) -> None:
    _clear(target)
    _make_place(target, directory=stat.S_ISDIR(os.fstat(found).st_mode))
    try:
        bind(found, target, recursive=True, idmap=idmap)
    except MountError as error:
        if idmap is None or error.errno not in (errno.EINVAL, errno.EPERM):
            raise
        raise VolumeError(CANNOT_MAP) from error


CANNOT_MAP = (
    "hostUsers: false needs a file system that the kernel can show with other ids, also of what is mounted below, and "
    "this one cannot: use another directory, or leave hostUsers away"
)


def _resolve(volume: Path, sub_path: str, owner: int) -> FileDescriptor:
    root = os.open(volume, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return open_or_make_beneath(root, sub_path, owner=owner)
    finally:
        os.close(root)


def _clear(target: Path) -> None:
    detach(target)  # an earlier attempt of the container had its subPath here
    if target.is_dir():
        target.rmdir()
    else:
        target.unlink(missing_ok=True)


def _make_place(target: Path, *, directory: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if directory:
        target.mkdir()
    else:
        target.touch()


def _why(error: OSError) -> str:
    match error.errno:
        case errno.EXDEV:
            return "a symbolic link leads out of the volume"
        case errno.ELOOP:
            return "its symbolic links go round in a circle"
        case errno.ENOENT:
            return "a symbolic link leads to nothing"
        case errno.ENOTDIR:
            return "a part of it is not a directory"
        case _:
            return reason(error)
