"""Archives for the tests of this room, made by the standard library's tarfile, which also reads what comes out."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from hostpod.images import tarheader as tar

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


def member(
    name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **attributes: Any
) -> tuple[tarfile.TarInfo, bytes]:
    """An entry; `attributes` are TarInfo's own."""
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode, info.mtime = kind, len(content), 0o644, 1_700_000_000
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


def directory(name: str, **attributes: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A directory's entry."""
    return member(name, tarfile.DIRTYPE, mode=attributes.pop("mode", 0o755), **attributes)


def archive(members: Iterable[tuple[tarfile.TarInfo, bytes]], *, form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive of the members, in their order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as file:
        for info, content in members:
            file.addfile(info, io.BytesIO(content))
    return out.getvalue()


def entries(content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    """What tarfile reads in an archive."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as file:
        return [(info, _content(file, info)) for info in file]


def by_name(content: bytes) -> Mapping[str, tuple[tarfile.TarInfo, bytes]]:
    """The same by name; a name that comes twice fails the test."""
    found = entries(content)
    named = {info.name: (info, body) for info, body in found}
    assert len(named) == len(found), [info.name for info, _ in found]
    return named


def _content(file: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    reader = file.extractfile(info) if info.isreg() else None
    return reader.read() if reader else b""


def old_sparse(
    name: str,
    pieces: Sequence[tuple[int, int]],
    *,
    size: int,
    content: bytes,
    records: Mapping[str, str] = MappingProxyType({}),
    octal: bool = True,
) -> bytes:
    """An archive of one sparse file of GNU tar's first kind, with all of its map."""
    whole, _ = member(name, tarfile.GNUTYPE_SPARSE, content)
    front = tar.pax_header({key.encode(): value.encode() for key, value in records.items()})
    header = bytearray(whole.tobuf(tarfile.GNU_FORMAT)[-tar.BLOCK_BYTES :])
    maps = b"".join(_number(offset, octal) + _number(length, octal) for offset, length in pieces)
    header[386:482] = maps[:96].ljust(96, b"\0")
    header[482], header[483:495] = len(maps) > 96, _number(size, octal)
    rest = [maps[at : at + 504] for at in range(96, len(maps), 504)]
    more = b"".join(
        each.ljust(504, b"\0") + bytes([number < len(rest) - 1]) + bytes(7) for number, each in enumerate(rest)
    )
    signed = tar.changed(bytes(header), kind=tar.SPARSE, size=len(content))
    return front + signed + more + content + bytes(tar.padding(len(content)) + 2 * tar.BLOCK_BYTES)


def _number(value: int, octal: bool) -> bytes:
    return b"%011o\0" % value if octal and value < 8**11 else b"\x80" + value.to_bytes(11, "big")
