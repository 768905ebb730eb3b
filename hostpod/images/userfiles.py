"""/etc/passwd and /etc/group of an image, read without being led out of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hostpod.host.openat2 import Resolve, openat2

LIMIT_BYTES = 4 * 1024 * 1024


def read_user_files(rootfs: Path) -> tuple[str, str]:
    """The texts of passwd and group, "" where there is none. A link is followed as the container would follow it."""
    root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _text(root, "etc/passwd"), _text(root, "etc/group")
    finally:
        os.close(root)


def _text(root: int, path: str) -> str:
    # Not blocking: an image may have a fifo there.
    try:
        descriptor = openat2(
            root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY, Resolve.IN_ROOT | Resolve.NO_MAGICLINKS
        )
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return os.pread(descriptor, LIMIT_BYTES, 0).decode(errors="replace")
    finally:
        os.close(descriptor)
