"""Archives for the tests of this room, made by the standard library's tarfile, which also reads what comes out."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any

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
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def entries(content: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    """What tarfile reads in an archive."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
        return [(info, _content(tar, info)) for info in tar]


def by_name(content: bytes) -> Mapping[str, tuple[tarfile.TarInfo, bytes]]:
    """The same by name; a name that comes twice fails the test."""
    found = entries(content)
    named = {info.name: (info, body) for info, body in found}
    assert len(named) == len(found), [info.name for info, _ in found]
    return named


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    reader = tar.extractfile(info) if info.isreg() else None
    return reader.read() if reader else b""
