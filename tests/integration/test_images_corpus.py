"""Layers of every kind, unpacked by hostpod in both forms beside umoci: entry by entry the same."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.integration.image_kit import Layout, tree, zstd
from tests.integration.layer_corpus import Member, estargz, in_frames, in_members, layers, sparse
from tests.integration.unpacking import unpacked
from tests.unit.images.archives import archive, directory, member, old_sparse

pytestmark = [
    pytest.mark.integration,
    pytest.mark.loop,
    pytest.mark.skipif(shutil.which("umoci") is None, reason="umoci is not installed"),
]

FORMS = ("squashfs", "directory")
WAYS: tuple[Callable[[bytes], bytes], ...] = (
    bytes, lambda content: gzip.compress(content, 1, mtime=0), in_members, zstd, in_frames,
)  # fmt: skip


def by_umoci(archives: Sequence[bytes], place: Path) -> dict[str, tuple[Any, ...]]:
    layout = Layout(place / "layout")
    layout.tag(layout.image(archives, compression=["none"] * len(archives)))
    target = place / "umoci"
    argv = ["umoci", "raw", "unpack", "--image", f"{layout.directory}:latest", str(target)]
    subprocess.run(argv, check=True, capture_output=True)
    return tree(target)


def by_hostpod(blobs: Sequence[bytes], form: str, place: Path) -> dict[str, tuple[Any, ...]]:
    async def work() -> dict[str, tuple[Any, ...]]:
        async with unpacked(blobs, form, place / form) as root:
            return tree(root)

    return asyncio.run(work())


def compare(archives: Sequence[bytes], *, place: Path) -> None:
    expected = by_umoci(archives, place)
    blobs = [WAYS[(number + len(content)) % len(WAYS)](content) for number, content in enumerate(archives)]
    for form in FORMS:
        seen = by_hostpod(blobs, form, place)
        different = {
            name: (expected.get(name), seen.get(name))
            for name in expected.keys() | seen
            if expected.get(name) != seen.get(name)
        }
        assert different == {}, form


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(archives=layers())
def test_layers_of_every_kind_are_what_umoci_makes_of_them(archives: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as place:
        compare(archives, place=Path(place))


def linked(name: str, target: str) -> Member:
    return member(name, tarfile.LNKTYPE, linkname=target)


DEEP = "/".join(["n" * 200] * 19)
CASES: dict[str, list[list[Member]]] = {
    "hard links across directories": [
        [directory("a"), member("a/f", content=b"x", mode=0o4755), directory("b"), linked("b/g", "a/f"),
         linked("h", "./b/g"), linked("b/abs", "/a/f")],
        [directory("a"), member("a/.wh.f"), member("z")],
    ],
    "a hard link to a symbolic link, and to a device": [
        [member("s", tarfile.SYMTYPE, linkname="/nowhere"), linked("t", "s"),
         member("c", tarfile.CHRTYPE, devmajor=1, devminor=3), linked("d", "c")],
    ],
    "later entries replace earlier ones": [
        [member("f", content=b"1"), linked("h", "f"), member("f", content=b"2"), directory("d"), member("d/x"),
         linked("e", "d/x"), member("d", content=b"no directory"), member("g"), directory("g"), member("g/y")],
    ],
    "every type in the place of every other": [
        [directory("a"), member("a/x"), member("b"), member("c", tarfile.SYMTYPE, linkname="b"),
         member("d", tarfile.FIFOTYPE), directory("e"), member("e/x")],
        [member("a"), directory("b"), member("b/x"), directory("c"), member("c/x"),
         member("d", tarfile.SYMTYPE, linkname="a"), member("e", tarfile.CHRTYPE, devmajor=5, devminor=1)],
    ],
    "a directory whose name a link has below, and what comes back": [
        [directory("usr"), directory("usr/lib"), member("lib", tarfile.SYMTYPE, linkname="usr/lib"),
         member("usr/lib/a")],
        [member(".wh.usr"), directory("usr"), member("usr/b"), member(".wh.never-there")],
        [directory("usr"), member("usr/.wh..wh..opq"), member("usr/c")],
    ],
    "paths near the longest": [
        [*(directory(DEEP[: 201 * n - 1]) for n in range(1, 20)), member(f"{DEEP}/f", content=b"x")],
    ],
    "the root itself": [[directory(".", mode=0o711), member("./x")], [directory("./", mode=0o700), member("./y")]],
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_what_is_rare_is_what_umoci_makes_of_it(tmp_path: Path, case: str, form: int) -> None:
    compare([archive(members, form=form) for members in CASES[case]], place=tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_an_archive_that_can_be_read_lazily_is_one_like_others(tmp_path: Path, form: str) -> None:
    packed, plain = estargz([directory("d"), member("d/f", content=b"x" * 5_000), linked("h", "d/f")])
    assert by_hostpod([packed], form, tmp_path) == by_umoci([plain], tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_sparse_files(tmp_path: Path, form: str) -> None:
    """Of all four kinds. Of GNU tar's first one umoci says that it does not know type S."""
    packed = {version: sparse(tmp_path, version, size=30_000_000) for version in ("0.0", "0.1", "1.0", "gnu")}
    expected = by_umoci([packed["1.0"]], tmp_path)
    assert set(expected) == {"sparse"}
    for version, blob in packed.items():
        assert by_hostpod([blob], form, tmp_path / version) == expected, version


@pytest.mark.parametrize("form", FORMS)
def test_numbers_in_base_256(tmp_path: Path, form: str) -> None:
    """As sizes from 8 GiB on are written. tar2sqfs alone leaves a file with such a map out, and says nothing."""
    pieces, content = [(0, 7), (9_000_000, 12_000)], b"x" * 12_007
    blob = old_sparse("f", pieces, size=10_000_000, content=content, octal=False)
    (seen,) = by_hostpod([blob], form, tmp_path).values()
    assert seen[7] == b"x" * 7 + bytes(9_000_000 - 7) + b"x" * 12_000 + bytes(1_000_000 - 12_000)


def test_where_umoci_does_less_than_the_formats_ask(tmp_path: Path) -> None:
    """Each of these umoci refuses or loses; the words are those of POSIX (pax) and of the OCI image specification."""
    members = [
        # "7: Reserved to represent a file to which an implementation has associated some high-performance attribute.
        # Implementations without such extensions should treat this file as a regular file (type 0)."
        member("contiguous", tarfile.CONTTYPE, content=b"x"),
        # "Whiteout files MUST only apply to resources in lower/parent layers": wherever they stand.
        member("stays", content=b"x"),
        member(".wh.stays"),
        # An attribute may be empty; Go's reader takes its record for a deleted one.
        member("attribute", pax_headers={"SCHILY.xattr.user.empty": ""}),
        # A link may come before what it is a link to: nothing forbids it.
        linked("early", "late"),
        member("late", content=b"late"),
        # Squashfs has times from 1970 to 2106: others are those.
        member("old", mtime=-5),
        member("far", mtime=2**34),
    ]
    for form in FORMS:
        seen = by_hostpod([archive(members)], form, tmp_path)
        assert {name: seen[name][7] for name in ("contiguous", "stays", "early")} == {
            "contiguous": b"x", "stays": b"x", "early": b"late",
        }  # fmt: skip
        assert seen["attribute"][5] == {"user.empty": b""}
        assert (seen["old"][4], seen["far"][4]) == (0, 2**32 - 1)
