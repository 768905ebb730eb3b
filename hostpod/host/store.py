"""Small files that are whole or absent, and trees that go away without taking anything else along."""

from __future__ import annotations

import errno
import itertools
import json
import os
from pathlib import Path

from hostpod.host.openat2 import FileDescriptor, Resolve, openat2

# Directories are held open on the way down; what lies deeper is moved up first, so a tree of any depth can be removed.
DEPTH_LIMIT = 64


class StoreError(Exception):
    """A file of hostpod's own could not be written, read or removed; the message can be shown as it is."""


def write_atomic(path: Path, content: bytes, *, durable: bool, mode: int = 0o600) -> None:
    """Replace `path` by `content`: readers see the old or the new one, and after a crash it is one of the two.

    Durable also survives a power cut (costs two fsync). One writer a path: the new content waits in `.NAME.tmp`.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        _write(temporary, content, durable=durable, mode=mode)
        temporary.replace(path)
        if durable:
            sync_directory(path.parent)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {_reason(error)}") from error


def _write(path: Path, content: bytes, *, durable: bool, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make names that were added to or removed from a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: object, *, durable: bool) -> None:
    """`write_atomic` of a JSON value, compact."""
    write_atomic(path, json.dumps(value, separators=(",", ":")).encode(), durable=durable)


def read_json(path: Path) -> object | None:
    """The value of a JSON file, or None where there is no such file. Raises StoreError on anything else."""
    try:
        return json.loads(path.read_bytes())  # type: ignore[no-any-return]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {_reason(error)}") from error
    except ValueError as error:
        raise StoreError(f"cannot read {path}: not JSON: {error}") from error


def remove_tree(path: Path) -> None:
    """Remove a file or a directory with all below it; nothing when it does not exist.

    Links are removed, not followed, and a mount below is an error and left alone: what is mounted there belongs to
    someone else. Blocks for as long as the file system takes; call it in a thread for trees of unknown size.
    """
    try:
        root = _open_directory(path)
        try:
            while not _emptied(root, root, depth=0):
                pass  # something deep was moved up to the top, and is emptied from there
        finally:
            os.close(root)
        path.rmdir()
    except FileNotFoundError:
        return
    except NotADirectoryError:
        path.unlink(missing_ok=True)
    except OSError as error:
        in_the_way = error.errno in (errno.EXDEV, errno.EBUSY)
        reason = f"something is mounted at or below {error.filename}" if in_the_way else _reason(error)
        raise StoreError(f"cannot remove {path}: {reason}") from error


def _open_directory(path: Path) -> FileDescriptor:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotADirectoryError(errno.ENOTDIR, "is a symbolic link", str(path)) from error
        raise


def _emptied(root: FileDescriptor, directory: FileDescriptor, *, depth: int) -> bool:
    """Remove what is in `directory`; false when something was moved to the top of `root` instead."""
    whole = True
    with os.scandir(directory) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.name, dir_fd=directory)
            elif depth >= DEPTH_LIMIT:
                _move_up(root, directory, entry.name)
                whole = False
            else:
                whole &= _removed(root, directory, entry.name, depth=depth)
    return whole


def _removed(root: FileDescriptor, parent: FileDescriptor, name: str, *, depth: int) -> bool:
    try:
        os.rmdir(name, dir_fd=parent)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    else:
        return True
    child = _open_child(parent, name)
    try:
        whole = _emptied(root, child, depth=depth + 1)
    finally:
        os.close(child)
    os.rmdir(name, dir_fd=parent)
    return whole


def _open_child(parent: FileDescriptor, name: str) -> FileDescriptor:
    """Open a directory inside another, and refuse mount points and links, however they came there."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    return openat2(parent, name, flags, Resolve.NO_XDEV | Resolve.NO_SYMLINKS)


def _move_up(root: FileDescriptor, parent: FileDescriptor, name: str) -> None:
    for number in itertools.count():
        try:
            os.rename(name, f".deep-{number}", src_dir_fd=parent, dst_dir_fd=root)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
        else:
            return


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
