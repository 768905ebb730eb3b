from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hostpod.host.store import remove_tree
from hostpod.images.integrity import content_digest, looks_whole


def digest(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return content_digest(descriptor)
    finally:
        os.close(descriptor)


def superblock(*, used: int, size: int, magic: bytes = b"hsqs") -> bytes:
    return (magic + bytes(36) + used.to_bytes(8, "little")).ljust(size, b"\0")


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        (superblock(used=4000, size=4096), True),
        (superblock(used=4096, size=4096), True),
        (superblock(used=4097, size=4096), False),
        (superblock(used=0, size=4096), False),
        (superblock(used=4000, size=4096, magic=bytes(4)), False),
        (superblock(used=96, size=50), False),
        (b"", False),
    ],
)
def test_a_squashfs_file_that_was_cut_short_or_zeroed_is_seen(tmp_path: Path, content: bytes, whole: bool) -> None:
    (tmp_path / "layer").write_bytes(content)
    assert looks_whole(tmp_path / "layer") is whole


def test_a_directory_is_whole_and_nothing_is_not(tmp_path: Path) -> None:
    assert looks_whole(tmp_path)
    assert not looks_whole(tmp_path / "nothing")


def test_a_files_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "layer").write_bytes(b"abc")
    assert digest(tmp_path / "layer") == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    deep = tmp_path / "layer" / "d" / "e"
    deep.mkdir(parents=True)
    (deep / "f").write_bytes(b"content")
    (deep / "l").symlink_to("f")
    os.mkfifo(deep / "p")
    return tmp_path / "layer"


def relink(link: Path) -> None:
    link.unlink()
    link.symlink_to("g")


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda at: (at / "d/e/f").write_bytes(b"c0ntent"),
    "mode": lambda at: (at / "d/e/f").chmod(0o4755),
    "mode of a directory": lambda at: (at / "d").chmod(0o700),
    "a name": lambda at: (at / "d/e/f").rename(at / "d/e/g"),
    "a place": lambda at: (at / "d/e/f").rename(at / "d/f"),
    "a link": lambda at: relink(at / "d/e/l"),
    "more": lambda at: (at / "d/e/g").write_bytes(b""),
    "less": lambda at: (at / "d/e/p").unlink(),
    "time": lambda at: os.utime(at / "d/e/f", (5, 5)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_tree_with_anything_changed_has_another_digest(layer: Path, change: str) -> None:
    before = digest(layer)
    assert before.startswith("tree:")
    assert digest(layer) == before
    CHANGES[change](layer)
    assert digest(layer) != before


def test_a_tree_may_be_deeper_than_a_path_is_long(tmp_path: Path) -> None:
    top = here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1300):
        os.mkdir("ab", dir_fd=here)
        below = os.open("ab", os.O_RDONLY, dir_fd=here)
        if here != top:
            os.close(here)
        here = below
    os.close(here)
    try:
        assert content_digest(top).startswith("tree:")
    finally:
        os.close(top)
        remove_tree(tmp_path / "ab")
