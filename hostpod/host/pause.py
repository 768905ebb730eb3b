"""The root of every pause container: the static pause program and two empty directories, made once for all pods."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

from hostpod.host.store import StoreError, write_atomic

PROGRAM = "catatonit"

_PROGRAM_HEADER_INTERP = 3


class PauseError(Exception):
    """The pause root could not be made; the message can be shown as it is."""


def make_pause_root(binary: str, directory: Path) -> Path:
    """Make `directory`/rootfs from the pause program and return it. Safe to repeat; a newer program replaces it.

    Raises PauseError when there is no such program or it needs libraries, which the root has not.
    """
    found = shutil.which(binary)
    if found is None:
        raise PauseError(f"cannot run pods without {binary}, the pause process: install it or set its path")
    content = Path(found).read_bytes()
    if needs_libraries(content):
        raise PauseError(f"cannot use {found} as pause process: it is not linked statically")
    root = directory / "rootfs"
    try:
        for path in (root, root / "proc", root / "dev"):
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not _same(root / PROGRAM, content):
            write_atomic(root / PROGRAM, content, durable=False, mode=0o555)
    except (OSError, StoreError) as error:
        raise PauseError(f"cannot make the root of pause containers: {error}") from error
    return root


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
