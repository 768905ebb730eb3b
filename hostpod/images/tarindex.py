"""Where the files of a tar archive are, found by its headers alone: nothing is unpacked, whatever stands in between."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

from hostpod.images import tarheader as tar
from hostpod.images.tarheader import BLOCK_BYTES, TarError

# An archive of images has a few files a layer.
ENTRIES_LIMIT = 50_000
EXTENSION_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A regular file in an archive."""

    offset: int
    size_bytes: int


def index_tar(file: BinaryIO) -> dict[str, Place]:
    """The regular files of an archive that is not compressed, by path. Of two of one path the later one counts, and
    anything else by that path takes it away. TarError where it is no archive, or cut off."""
    end = os.fstat(file.fileno()).st_size
    found: dict[str, Place] = {}
    long_name, pax, position = b"", b"", 0
    for _ in range(ENTRIES_LIMIT):
        header = _read(file, position, BLOCK_BYTES, end)
        if header.count(0) == BLOCK_BYTES:
            return found
        _check(header)
        kind, size = header[156:157], tar.number(header[124:136])
        position += BLOCK_BYTES
        if kind in (tar.PAX, tar.LONG_NAME):
            if size > EXTENSION_LIMIT_BYTES:
                raise TarError("an extension header is too long")
            content = _read(file, position, size, end)
            long_name, pax = (long_name, content) if kind == tar.PAX else (content.partition(b"\0")[0], pax)
        elif kind not in (tar.PAX_GLOBAL, tar.LONG_LINK):
            records = tar.parse_pax(pax)
            name = records.get(b"path") or long_name or tar.name_of(header)
            size = 0 if kind[0] in tar.HEADER_ONLY else tar.decimal(records[b"size"]) if b"size" in records else size
            path = tar.normal_path(name).decode(errors="replace")
            found.pop(path, None)
            if kind in (tar.REGULAR, tar.V7_REGULAR, tar.CONTIGUOUS):
                found[path] = Place(offset=position, size_bytes=size)
            long_name = pax = b""
        position += size + tar.padding(size)
        if position > end:
            raise TarError("it is cut off")
    raise TarError(f"it has more than {ENTRIES_LIMIT} entries")


def _read(file: BinaryIO, position: int, size: int, end: int) -> bytes:
    """Without an end mark an archive may end where an entry would begin."""
    if position == end and size == BLOCK_BYTES and position:
        return bytes(BLOCK_BYTES)
    content = os.pread(file.fileno(), size, position)
    if len(content) < size:
        raise TarError("it is cut off" if position else "it is no tar archive")
    return content


def _check(header: bytes) -> None:
    """By its sum, which is all that tells a header from anything else."""
    blank = header[:148] + b" " * 8 + header[156:]
    try:
        told = tar.number(header[148:156])
    except TarError:
        told = -1
    if told != sum(blank):
        raise TarError("it is no tar archive")
