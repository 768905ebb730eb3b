"""Loop devices by ioctl: a squashfs file becomes a read-only mount, with neither losetup nor mount(8).

The device clears itself when it is unmounted, so there is nothing to remember and nothing to leak.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path

from hostpod.host.mount import MountError, MountFlag, mount

CONTROL = Path("/dev/loop-control")

_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A  # Linux 5.8: file, flags and name in one call
_READ_ONLY, _AUTOCLEAR = 1, 4
# struct loop_config: fd, block size, loop_info64 (5 u64, 4 u32, names of 64 and 64, key of 32, 2 u64), 8 u64.
_CONFIG = struct.Struct("=II" + "QQQQQIIII64s64s32sQQ" + "64x")
# Another process may take the free device first; it is asked for again, so often at the most.
_ATTEMPTS = 64

FileDescriptor = int


def mount_squashfs(image: Path, target: Path) -> None:
    """Mount a squashfs file on an existing directory: read-only, no devices, no setuid of its own. MountError."""
    device, name = _attached(image)
    try:
        mount(name, target, "squashfs", MountFlag.READ_ONLY | MountFlag.NO_DEV | MountFlag.NO_SUID)
    finally:
        os.close(device)


def squashfs_mounts_work(scratch: Path) -> bool:
    """Whether this host has loop devices and squashfs, found out by asking for them; `scratch` is a directory."""
    try:
        os.close(_free_device()[0])
        mount("none", scratch, "squashfs", MountFlag.READ_ONLY)
    except OSError as error:
        # The kernel loads the module first, and only then finds that "none" is no block device.
        return error.errno == errno.ENOTBLK or (isinstance(error, MountError) and error.errno == errno.ENOENT)
    return True


def _attached(image: Path) -> tuple[FileDescriptor, str]:
    source = os.open(image, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for _ in range(_ATTEMPTS):
            device, name = _free_device()
            try:
                fcntl.ioctl(device, _LOOP_CONFIGURE, _config(source, image.name))
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:
                    raise MountError(error.errno or 0, f"cannot attach {image} to {name}") from error
            else:
                return device, name
    finally:
        os.close(source)
    raise MountError(errno.EBUSY, f"cannot attach {image} to a loop device")


def _free_device() -> tuple[FileDescriptor, str]:
    try:
        control = os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC)
        try:
            name = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
        finally:
            os.close(control)
        return os.open(name, os.O_RDONLY | os.O_CLOEXEC), name
    except OSError as error:
        raise MountError(error.errno or 0, "cannot get a loop device") from error


def _config(source: FileDescriptor, name: str) -> bytes:
    info = (0, 0, 0, 0, 0, 0, 0, 0, _READ_ONLY | _AUTOCLEAR, name.encode()[:63], b"", b"", 0, 0)
    return _CONFIG.pack(source, 0, *info)
