"""Which program unpacks a file. The first bytes decide: media types are wrong too often."""

from __future__ import annotations

import shutil
from pathlib import Path

from hostpod.images.errors import ImagePullError

# The fastest first: igzip (ISA-L) takes a quarter of gzip's time, pigz two thirds. gzip is on every Debian.
_GZIP = (("igzip", "-d", "-c"), ("pigz", "-d", "-c"), ("gzip", "-d", "-c"))
_ZSTD = (("zstd", "-d", "-c", "-q"),)
_WAYS = (
    (b"\x1f\x8b", _GZIP),
    (b"\x28\xb5\x2f\xfd", _ZSTD),
    # zstd's skippable frames, with which seekable archives may begin: 0x184D2A50 to 0x184D2A5F, little-endian.
    *((bytes([first]) + b"\x2a\x4d\x18", _ZSTD) for first in range(0x50, 0x60)),
    (b"BZh", (("lbzip2", "-d", "-c"), ("bzip2", "-d", "-c"))),
    (b"\xfd7zXZ\0", (("xz", "-d", "-c", "-q"),)),
)


def decompressor(path: Path) -> tuple[str, ...] | None:
    """The command that unpacks from stdin to stdout, None where the file is not compressed."""
    with path.open("rb") as file:
        magic = file.read(8)
    ways = next((ways for start, ways in _WAYS if magic.startswith(start)), None)
    return _first_installed(ways) if ways else None


def _first_installed(candidates: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    for argv in candidates:
        if shutil.which(argv[0]):
            return argv
    raise ImagePullError(f"it cannot be unpacked: install {candidates[-1][0]}")
