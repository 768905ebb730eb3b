"""Loop devices by ioctl: a file becomes a mounted file system, with neither losetup nor mount(8).

The device clears itself when it is unmounted, so there is nothing to remember and nothing to leak.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hostpod.host.mount import MountError, MountFlag, mount

CONTROL = Path("/dev/loop-control")

_LOOP_CTL_GET_FREE = 0x4C82
_LOOP_CONFIGURE = 0x4C0A  # Linux 5.8: file, flags and name in one call
_READ_ONLY, _AUTOCLEAR = 1, 4
# struct loop_config: fd, block size, loop_info64 (five u64, four u32, names of 64, 64 and 32, two u64), eight u64
_CONFIG = struct.Struct("=II" + "QQQQQIIII64s64s32sQQ" + "64x")
# Another process may take the free device first; it is asked for again, so often at the most.
_ATTEMPTS = 64

FileDescriptor = int


def mount_image(image: Path, target: Path, fstype: str, flags: MountFlag = MountFlag.NONE, data: str = "") -> None:
    """Mount the file system in a file on an existing directory. MountError when that cannot be done here."""
    with _attached(image, read_only=MountFlag.READ_ONLY in flags) as device:
        mount(device, target, fstype, flags, data)


def probe() -> None:
    """Open a free device and let go of it. MountError where the host has no loop devices."""
    os.close(_free_device(os.O_RDONLY | os.O_CLOEXEC)[0])


@contextmanager
def _attached(image: Path, *, read_only: bool) -> Iterator[str]:
    # The device is cleared when its last user is gone: this descriptor, and then the mount.
    access = (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC
    try:
        source = os.open(image, access)
    except OSError as error:
        raise MountError(error.errno or 0, f"cannot open {image}") from error
    try:
        device, name = _configured(source, image, access, _AUTOCLEAR | (_READ_ONLY if read_only else 0))
    finally:
        os.close(source)
    try:
        yield name
    finally:
        os.close(device)


def _configured(source: FileDescriptor, image: Path, access: int, flags: int) -> tuple[FileDescriptor, str]:
    info = (0, 0, 0, 0, 0, 0, 0, 0, flags, image.name.encode()[:63], b"", b"", 0, 0)
    for _ in range(_ATTEMPTS):
        device, name = _free_device(access)
        try:
            fcntl.ioctl(device, _LOOP_CONFIGURE, _CONFIG.pack(source, 0, *info))
        except OSError as error:
            os.close(device)
            if error.errno != errno.EBUSY:
                raise MountError(error.errno or 0, f"cannot attach {image} to {name}") from error
        else:
            return device, name
    raise MountError(errno.EBUSY, f"cannot attach {image} to a loop device")


def _free_device(access: int) -> tuple[FileDescriptor, str]:
    try:
        control = os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC)
        try:
            name = f"/dev/loop{fcntl.ioctl(control, _LOOP_CTL_GET_FREE)}"
        finally:
            os.close(control)
        return os.open(name, access), name
    except OSError as error:
        raise MountError(error.errno or 0, "cannot get a loop device") from error
