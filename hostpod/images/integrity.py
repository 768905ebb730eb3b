"""What a layer on disk is known again by: a digest of all that is in it, and marks that are cheap to look at."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from hostpod.host.openat2 import FileDescriptor

_READ_BYTES = 1024 * 1024
# struct squashfs_super_block of the kernel: magic at 0, bytes used at 40; all of it is 96 bytes long.
_MAGIC, _SUPERBLOCK_BYTES = b"hsqs", 96
_BYTES_USED = slice(40, 48)


def looks_whole(layer: Path) -> bool:
    """Whether a layer is there and not obviously broken: a squashfs file that was cut short, or whose beginning is
    something else, would be found out by the kernel in the middle of a container's life."""
    try:
        with layer.open("rb", buffering=0) as file:
            superblock = file.read(_SUPERBLOCK_BYTES)
            size = os.fstat(file.fileno()).st_size
    except IsADirectoryError:
        return True
    except OSError:
        return False
    used = int.from_bytes(superblock[_BYTES_USED], "little")
    return superblock.startswith(_MAGIC) and _SUPERBLOCK_BYTES <= used <= size


def content_digest(layer: FileDescriptor) -> str:
    """`sha256:HEX` of a file's bytes; of a directory `tree:HEX` of all that containers can see in it."""
    digest = hashlib.sha256()
    if not stat.S_ISDIR(os.fstat(layer).st_mode):
        _read_all(layer, digest)
        return f"sha256:{digest.hexdigest()}"
    waiting = [b"."]
    while waiting:
        waiting += reversed(_digest_directory(layer, waiting.pop(), digest))
    return f"tree:{digest.hexdigest()}"


def _digest_directory(root: FileDescriptor, path: bytes, digest: hashlib._Hash) -> list[bytes]:
    """By paths below the root, as tar made them: with what is above it they may be too long. The directories in it."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root)
    try:
        below = []
        _note(digest, path, *_attributes(directory, b"."))
        for name in sorted(map(os.fsencode, os.listdir(directory))):  # noqa: PTH208 - of a descriptor
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                below.append(path + b"/" + name)
            else:
                _note(digest, name, *_attributes(directory, name))
                _digest_file(directory, name, status.st_mode, digest)
        return below
    finally:
        os.close(directory)


def _digest_file(directory: FileDescriptor, name: bytes, mode: int, digest: hashlib._Hash) -> None:
    if stat.S_ISLNK(mode):
        _note(digest, os.readlink(name, dir_fd=directory))
    elif stat.S_ISREG(mode):
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            _read_all(file, digest)
        finally:
            os.close(file)


def _attributes(directory: FileDescriptor, name: bytes) -> list[bytes]:
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    size = 0 if stat.S_ISDIR(status.st_mode) else status.st_size
    numbers = (status.st_mode, status.st_uid, status.st_gid, status.st_rdev, status.st_mtime_ns, size)
    path = b"/proc/self/fd/%d/%s" % (directory, name)
    found = [repr(numbers).encode()]
    for key in sorted(os.listxattr(path, follow_symlinks=False)):
        found += [os.fsencode(key), os.getxattr(path, key, follow_symlinks=False)]
    return found


def _note(digest: hashlib._Hash, *parts: bytes) -> None:
    """So that no two lists of parts look alike."""
    for part in parts:
        digest.update(b"%d:" % len(part) + part)


def _read_all(file: FileDescriptor, digest: hashlib._Hash) -> None:
    position = 0
    while data := os.pread(file, _READ_BYTES, position):
        digest.update(data)
        position += len(data)
