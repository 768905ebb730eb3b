from __future__ import annotations

import os
from io import FileIO
from pathlib import Path

import pytest

from hostpod.images.bounds import Bounds
from hostpod.images.errors import ImagePullError
from hostpod.images.overlay_tar import OverlayTar
from hostpod.images.tarwalk import TarWalk
from tests.unit.images.archives import archive, member, old_sparse


def passed(content: bytes, directory: Path, *, size_bytes: int = 1 << 30, entries: int = 1000) -> int:
    (directory / "archive").write_bytes(content)
    walk = TarWalk(OverlayTar().decide)
    bounds = Bounds(size_bytes=size_bytes, entries=entries)
    with FileIO(directory / "archive") as source:
        for data in bounds.read(source, walk, directory):
            walk.feed(data)
    return walk.entries


def test_an_archive_within_its_bounds_passes(tmp_path: Path) -> None:
    content = archive([member(f"f{number}") for number in range(1000)])
    assert passed(content, tmp_path, size_bytes=len(content)) == 1000


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImagePullError, match=r"^a layer unpacks to more than 4000 bytes \(images.maxLayerSize\)$"):
        passed(archive([member("f", content=bytes(4096))]), tmp_path, size_bytes=4000)


def test_holes_count(tmp_path: Path) -> None:
    sparse = old_sparse("f", [(0, 1)], size=1 << 40, content=b"x")
    with pytest.raises(ImagePullError, match="unpacks to more than"):
        passed(sparse, tmp_path)


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    many = archive([member(f"f{number}") for number in range(1001)])
    with pytest.raises(ImagePullError, match=r"^a layer has more than 1000 files \(images.maxLayerFiles\)$"):
        passed(many, tmp_path)


def test_the_last_of_the_disk_is_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = os.statvfs_result((4096, 4096, 1 << 20, 20_000, 20_000, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: disk)
    with pytest.raises(ImagePullError, match=r"^no space left on device: a layer may not take its last 85 MB$"):
        passed(archive([member("f")]), tmp_path)
