"""How much may come out of one blob: a small one can hold a layer that no disk and no memory has room for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from hostpod.images.errors import ImagePullError
from hostpod.images.tarwalk import TarWalk

READ_BYTES = 1024 * 1024
# What a layer that is built may not take of the disk, for all others that write there: a share of it, and at most this.
_LEFT_SHARE, _LEFT_BYTES = 0.02, 1 << 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """Of a layer: bytes of the unpacked archive with the holes of its sparse files, and its entries."""

    size_bytes: int
    entries: int

    def read(self, source: FileIO, walk: TarWalk, directory: Path) -> Iterator[bytes]:
        """The archive in pieces; ImagePullError when it is too much, or too much for the disk of `directory`."""
        total = 0
        while data := source.read(READ_BYTES):
            total += len(data)
            self._check(total, walk)
            leave_room(directory)
            yield data
        self._check(total, walk)

    def _check(self, total_bytes: int, walk: TarWalk) -> None:
        if total_bytes + walk.holes_bytes > self.size_bytes:
            raise ImagePullError(f"a layer unpacks to more than {self.size_bytes} bytes (images.maxLayerSize)")
        if walk.entries > self.entries:
            raise ImagePullError(f"a layer has more than {self.entries} files (images.maxLayerFiles)")


def leave_room(directory: Path) -> None:
    """ImagePullError where so little is left of the disk that others want it more."""
    disk = os.statvfs(directory)
    left_bytes = min(_LEFT_BYTES, int(_LEFT_SHARE * disk.f_blocks * disk.f_frsize))
    if disk.f_bavail * disk.f_frsize < left_bytes:
        raise ImagePullError(f"no space left on device: a layer may not take its last {left_bytes // 1_000_000} MB")
