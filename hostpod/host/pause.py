"""The root of every pause container: the static pause program, /dev/null and /proc, made once for all pods."""

from __future__ import annotations

import os
import shutil
import stat
import struct
from pathlib import Path

from hostpod.host.mount import MountFlag, mount, unmount

PROGRAM = "catatonit"

_PROGRAM_HEADER_INTERP = 3


class PauseError(Exception):
    """The pause root could not be made; the message can be shown as it is."""


def make_pause_root(binary: str, directory: Path) -> Path:
    """Make `directory`/rootfs from the pause program and return it. Safe to repeat; a newer program replaces it.

    It is a tmpfs of its own, read-only in the end: /run may be mounted noexec and nodev. Running pause containers keep
    the one they were started with. Raises PauseError when there is no such program, or it needs libraries.
    """
    content = _program(binary)
    root = directory / "rootfs"
    try:
        root.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not _same(root / PROGRAM, content):
            remove_pause_root(directory)
            mount(PROGRAM, root, "tmpfs", MountFlag.NO_SUID, "mode=0755,size=16m")
            _fill(root, content)
            mount(PROGRAM, root, "tmpfs", MountFlag.REMOUNT | MountFlag.READ_ONLY | MountFlag.NO_SUID)
    except OSError as error:
        raise PauseError(f"cannot make the root of pause containers: {error}") from error
    return root


def remove_pause_root(directory: Path) -> None:
    """Let go of the root; nothing when there is none."""
    unmount(directory / "rootfs")


def _program(binary: str) -> bytes:
    found = shutil.which(binary)
    if found is None:
        raise PauseError(f"cannot run pods without {binary}, the pause process: install it or set its path")
    content = Path(found).read_bytes()
    if needs_libraries(content):
        raise PauseError(f"cannot use {found} as pause process: it is not linked statically")
    return content


def _fill(root: Path, content: bytes) -> None:
    for name in ("proc", "dev"):
        (root / name).mkdir(mode=0o755)
    # runc looks for it in every root.
    os.mknod(root / "dev" / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (root / PROGRAM).write_bytes(content)
    (root / PROGRAM).chmod(0o555)


def needs_libraries(content: bytes) -> bool:
    """Whether a 64-bit ELF program asks for a dynamic loader; anything that is not one needs help too."""
    if content[:5] != b"\x7fELF\x02":
        return True
    order = "<" if content[5] == 1 else ">"
    (start,) = struct.unpack_from(f"{order}Q", content, 0x20)
    size, count = struct.unpack_from(f"{order}HH", content, 0x36)
    kinds = (struct.unpack_from(f"{order}I", content, start + i * size)[0] for i in range(count))
    return _PROGRAM_HEADER_INTERP in kinds


def _same(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except FileNotFoundError:
        return False
