"""A squashfs file becomes a read-only mount, on hosts that can do so."""

from __future__ import annotations

import errno
from pathlib import Path

from hostpod.host.loop import mount_image, probe
from hostpod.host.mount import MountError, MountFlag, mount


def mount_squashfs(image: Path, target: Path) -> None:
    """Mount a squashfs file on an existing directory: read-only, no devices, no setuid of its own. MountError."""
    mount_image(image, target, "squashfs", MountFlag.READ_ONLY | MountFlag.NO_DEV | MountFlag.NO_SUID)


def squashfs_mounts_work(scratch: Path) -> bool:
    """Whether this host has loop devices and squashfs, found out by asking for them; `scratch` is a directory."""
    try:
        probe()
    except MountError:
        return False
    try:
        mount("none", scratch, "squashfs", MountFlag.READ_ONLY)
    except MountError as error:
        # The kernel loads the module first, and only then finds that "none" is no block device.
        return error.errno in (errno.ENOTBLK, errno.ENOENT)
    return True
