"""Layers made up by hypothesis, as builders of images write them, and the odd archives that it would never find."""

from __future__ import annotations

import gzip
import json
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.integration.image_kit import zstd
from tests.unit.images.archives import archive, directory, member

Member = tuple[tarfile.TarInfo, bytes]

CAPABILITY = "\x01\x00\x00\x02\x00\x04\x00\x00" + "\x00" * 12  # cap_net_bind_service=ep
ODD = (
    "-rf", "new\nline", "tab\t", "\x01\x1b[31m\x7f", "back\\slash", "\udcff\udcfe", " blank ", "'\"", "*?[a]", "é",
    "#a", ".wh", "x.wh.y", "l" * 120, "m" * 255,
)  # fmt: skip
NAMES = st.sampled_from(("a", "b", "c", "d")) | st.sampled_from(ODD)
MODES = st.sampled_from((0o644, 0o755, 0o4755, 0o2711, 0o1777, 0o6000, 0o000))
IDS = st.sampled_from((0, 7, 65_534, 3_000_000, 2**31, 2**32 - 2))
TIMES = st.sampled_from((0, 1, 1_700_000_000, 2**31 + 7, 2**32 - 1))
XATTRS = st.dictionaries(
    st.sampled_from(("user.note", "user.x=y", "trusted.of-root", "user.new\nline")),
    st.sampled_from(("value", "1=2\n3", "x" * 1_000)),
    max_size=2,
)
SMALL = st.binary(max_size=20)
CONTENT = SMALL | SMALL.map(lambda piece: piece * 9_000) | st.just(bytes(200_000))
FORMS = st.sampled_from((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))


@dataclass(kw_only=True, slots=True)
class Draft:
    """A layer as it grows: its entries, and which paths are taken by what."""

    members: list[Member] = field(default_factory=list)
    directories: list[str] = field(default_factory=lambda: [""])
    linkable: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)


@st.composite
def layers(draw: st.DrawFn) -> list[bytes]:
    """One to three archives, lowest first."""
    return [archive(draw(_members(upper=number > 0)), form=draw(FORMS)) for number in range(draw(st.integers(1, 3)))]


@st.composite
def _members(draw: st.DrawFn, *, upper: bool) -> list[Member]:
    draft = Draft()
    kinds = ("directory", "file", "file", "link", "symlink", "device", *(("whiteout", "opaque") if upper else ()))
    for _ in range(draw(st.integers(1, 14))):
        draw(_entry(draft, draw(st.sampled_from(kinds))))
    return draft.members


@st.composite
def _entry(draw: st.DrawFn, draft: Draft, kind: str) -> None:
    above = draw(st.sampled_from(draft.directories))
    path = f"{above}{draw(NAMES)}"
    if kind == "opaque":
        if f"{above}.wh..wh..opq" not in draft.taken and above:
            draft.taken.add(f"{above}.wh..wh..opq")
            draft.members.append(member(f"{above}.wh..wh..opq"))
        return
    if path in draft.taken or len(path) > 1_500:
        return
    draft.taken.add(path)
    if kind == "whiteout":
        draft.members.append(member(f"{above}.wh.{path[len(above) :]}"[: len(above) + 255]))
        return
    attributes: dict[str, Any] = {"uid": draw(IDS), "gid": draw(IDS), "mtime": draw(TIMES), "mode": draw(MODES)}
    draw(_file(draft, kind, path, attributes))


@st.composite
def _file(draw: st.DrawFn, draft: Draft, kind: str, path: str, attributes: dict[str, Any]) -> None:
    records = {f"SCHILY.xattr.{name}": value for name, value in draw(XATTRS).items()}
    match kind:
        case "directory":
            draft.members.append(directory(path, **attributes, pax_headers=records))
            draft.directories.append(f"{path}/")
        case "file":
            if draw(st.booleans()):
                records["SCHILY.xattr.security.capability"] = CAPABILITY
            draft.members.append(member(path, content=draw(CONTENT), **attributes, pax_headers=records))
            draft.linkable.append(path)
        case "link" if draft.linkable:
            draft.members.append(member(path, tarfile.LNKTYPE, linkname=draw(st.sampled_from(draft.linkable))))
            draft.linkable.append(path)
        case "symlink":
            target = draw(st.sampled_from(("a", "../b", "/etc/passwd", "t" * 150, "t" * 3_000, "new\nline")))
            draft.members.append(member(path, tarfile.SYMTYPE, linkname=target, **attributes | {"mode": 0o777}))
        case "device":
            device, number = draw(
                st.sampled_from(((tarfile.CHRTYPE, 3), (tarfile.BLKTYPE, 70_000), (tarfile.FIFOTYPE, 0)))
            )
            number = number if device != tarfile.FIFOTYPE else 0
            draft.members.append(member(path, device, **attributes, devmajor=1 if number else 0, devminor=number))


def in_members(content: bytes) -> bytes:
    """gzip of several members, as pigz and bgzip make it."""
    return b"".join(gzip.compress(content[at : at + 70_000], 1, mtime=0) for at in range(0, len(content), 70_000))


def in_frames(content: bytes) -> bytes:
    """zstd in several frames, after one that is to be skipped."""
    half = len(content) // 2
    return b"\x50\x2a\x4d\x18\x04\0\0\0seek" + zstd(content[:half]) + zstd(content[half:])


def estargz(members: Sequence[Member]) -> tuple[bytes, bytes]:
    """An archive that may be read lazily, packed and not: a gzip member a file, landmark, table of contents, footer."""
    toc = json.dumps({"version": 1, "entries": [{"name": info.name, "type": "reg"} for info, _ in members]}).encode()
    whole = [member(".prefetch.landmark", content=b"\x0f"), *members, member("stargz.index.json", content=toc)]
    pieces = [archive([each])[: 512 * (1 + -(-len(each[1]) // 512))] for each in whole] + [bytes(1024)]
    offset = sum(len(gzip.compress(piece, 9, mtime=0)) for piece in pieces[:-2])
    extra = b"SG" + (22).to_bytes(2, "little") + f"{offset:016x}STARGZ".encode()
    header = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + len(extra).to_bytes(2, "little") + extra
    footer = header + b"\x01\0\0\xff\xff" + bytes(8)
    return b"".join(gzip.compress(piece, 9, mtime=0) for piece in pieces) + footer, b"".join(pieces)


def sparse(directory: Path, version: str, *, size: int) -> bytes:
    """A file of this size with three pieces in it, and holes, as GNU tar packs it: a version of PAX, or gnu."""
    path = directory / "sparse"
    with path.open("wb") as file:
        for offset in (0, size // 2, size - 500_000):
            file.seek(offset)
            file.write(b"data" * 3_000)
        file.truncate(size)
    try:
        options = ["--format=gnu"] if version == "gnu" else ["--format=pax", f"--sparse-version={version}"]
        argv = ["tar", "--create", "--sparse", "--mtime=@1", "--owner=0", "--group=0", *options, "--file=-"]
        return subprocess.run([*argv, "sparse"], cwd=directory, check=True, stdout=subprocess.PIPE).stdout
    finally:
        path.unlink()
