from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from hostpod.images.build import Builder, Built
from hostpod.images.errors import ImagePullError, LayerGoneError
from hostpod.images.layers import LayerFiles
from hostpod.images.manifest import Descriptor, digest_of
from hostpod.images.workshop import Workshop, make_hole

DIFF = digest_of(b"what is in it")


class BuilderOfOne:
    """Makes something that looks like a squashfs."""

    async def build(self, blob: Path, target: Path) -> Built:
        assert await asyncio.to_thread(blob.read_bytes) == b"blob", "a hole is never built"
        squashfs = b"hsqs" + bytes(36) + (96).to_bytes(8, "little") + bytes(48)
        await asyncio.to_thread(target.write_bytes, squashfs)
        return Built(path=target, diff_id=DIFF)


@pytest.fixture
def layers(tmp_path: Path) -> LayerFiles:
    (tmp_path / "scratch").mkdir()
    files = LayerFiles(
        tmp_path / "layers", scratch=tmp_path / "scratch", as_directories=False, mounts_squashfs=True, sqfs2tar="none"
    )
    files.open()
    return files


@pytest.fixture
def workshop(layers: LayerFiles) -> Workshop:
    return Workshop(layers, cast("Builder", BuilderOfOne()), at_once=1)


def blob(content: bytes) -> Descriptor:
    return Descriptor(digest=digest_of(content), size_bytes=len(content), media_type="")


def test_a_layer_is_built_once_and_claimed_each_time(workshop: Workshop, layers: LayerFiles, tmp_path: Path) -> None:
    for number in range(2):
        path, claims = tmp_path / str(number), set[str]()
        path.write_bytes(b"blob")
        assert asyncio.run(workshop.diff_id(blob(b"blob"), path, claims, laid_out=False)) == DIFF
        assert (claims, path.read_bytes()) == ({DIFF}, bytes(4))
    assert workshop.known().keys() == {digest_of(b"blob")}
    assert set(layers.all()) == {DIFF}


def test_a_layer_that_went_during_a_pull_is_not_made_of_nothing(
    workshop: Workshop, layers: LayerFiles, tmp_path: Path
) -> None:
    path, claims = tmp_path / "blob", set[str]()
    path.write_bytes(b"blob")
    asyncio.run(workshop.diff_id(blob(b"blob"), path, claims, laid_out=False))
    asyncio.run(layers.remove([DIFF]))
    with pytest.raises(LayerGoneError):
        asyncio.run(workshop.diff_id(blob(b"blob"), path, claims, laid_out=True))
    assert workshop.known() == {}
    path.write_bytes(b"blob")
    assert asyncio.run(workshop.diff_id(blob(b"blob"), path, claims, laid_out=False)) == DIFF


def test_a_manifest_that_lies_about_a_size_is_refused_and_forgotten(workshop: Workshop, tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(b"blob")
    lie = Descriptor(digest=digest_of(b"blob"), size_bytes=1 << 62, media_type="")
    with pytest.raises(ImagePullError, match="a layer has 4 bytes, and 4611686018427387904 by the image's manifest"):
        asyncio.run(workshop.diff_id(lie, path, set(), laid_out=False))
    assert workshop.known() == {}


def test_a_hole_has_a_size_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"blob")
    make_hole(tmp_path / "blob", 1 << 30)
    status = (tmp_path / "blob").stat()
    assert (status.st_size, status.st_blocks) == (1 << 30, 0)
