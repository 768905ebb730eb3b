"""A compressed archive becomes a plain one, which cannot fill the disk whatever it says."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from hostpod.images.commands import command
from hostpod.images.decompress import decompressor
from hostpod.images.errors import ImagePullError

# What an archive may grow to: layers in it are compressed as a rule, and then it hardly grows at all.
MOST_TIMES = 100
LEAST_BYTES = 1024**3

# With less free, a program that could not write was out of space, in whatever words.
_FULL_BYTES = 1024 * 1024


async def unpacked(archive: Path, target: Path) -> Path:
    """The archive itself, or `target`, which it was unpacked to. Raises ImagePullError, OSError."""
    argv = decompressor(archive)
    if argv is None:
        return archive
    with archive.open("rb") as file:
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
