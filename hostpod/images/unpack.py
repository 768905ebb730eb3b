"""A compressed archive becomes a plain one, which cannot fill the disk whatever it says."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from hostpod.images.commands import command
from hostpod.images.errors import ImagePullError

# What an archive may grow to: layers in it are compressed as a rule, and then it hardly grows at all.
MOST_TIMES = 100
LEAST_BYTES = 1024**3

# With less free, a program that could not write was out of space, in whatever words.
_FULL_BYTES = 1024 * 1024

_GZIP = (("igzip", "-d", "-c"), ("pigz", "-d", "-c"), ("gzip", "-d", "-c"))
_ZSTD = (("zstd", "-d", "-c", "-q"),)
# By the first bytes; zstd may begin with a skippable frame.
_UNPACKERS = (
    (b"\x1f\x8b", _GZIP),
    (b"\x28\xb5\x2f\xfd", _ZSTD),
    (b"\x50\x2a\x4d\x18", _ZSTD),
    (b"BZh", (("lbzip2", "-d", "-c"), ("bzip2", "-d", "-c"))),
    (b"\xfd7zXZ\0", (("xz", "-d", "-c", "-q"),)),
)


async def unpacked(archive: Path, target: Path) -> Path:
    """The archive itself, or `target`, which it was unpacked to. Raises ImagePullError, OSError."""
    with archive.open("rb") as file:
        magic = os.pread(file.fileno(), 8, 0)
        ways = next((ways for start, ways in _UNPACKERS if magic.startswith(start)), None)
        if ways is None:
            return archive
        argv = next((argv for argv in ways if shutil.which(argv[0])), None)
        if argv is None:
            raise ImagePullError(f"it cannot be unpacked: install {ways[-1][0]}")
        limit = max(LEAST_BYTES, MOST_TIMES * os.fstat(file.fileno()).st_size)
        with target.open("xb") as sink:
            limited = ["prlimit", f"--fsize={limit}", *argv]
            async with command(limited, stdin=file.fileno(), stdout=sink.fileno(), dies_with_us=True) as unpack:
                try:
                    await unpack.finish()
                except ImagePullError as error:
                    raise await asyncio.to_thread(_in_plain_words, error, argv[0], target, limit) from error
    return target


def _in_plain_words(error: ImagePullError, program: str, target: Path, limit: int) -> ImagePullError:
    if target.stat().st_size >= limit:
        return ImagePullError(f"it is too large: unpacked it has more than {limit} bytes")
    disk = os.statvfs(target)
    if "no space left" in str(error).lower() or disk.f_bavail * disk.f_frsize < _FULL_BYTES:
        return ImagePullError("no space left on device")
    words = str(error).removeprefix("prlimit: ").removeprefix(f"{program}: ")
    return ImagePullError(f"it cannot be unpacked: {program}: {words}")
