from __future__ import annotations

import asyncio
import bz2
import gzip
import json
import lzma
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hostpod.images import unpack
from hostpod.images.archive import Archived, open_archive
from hostpod.images.errors import ImagePullError
from hostpod.images.pull import architecture
from tests.unit.images.archives import archive, directory, member

REF, FULL = "org.opencontainers.image.ref.name", "io.containerd.image.name"
ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


def written(path: Path, **files: Any) -> Path:
    content = archive([member(f"./{name}.json", content=json.dumps(value).encode()) for name, value in files.items()])
    path.write_bytes(content)
    return path


def opened(path: Path) -> tuple[Archived, ...]:
    scratch = path.with_suffix(".scratch")
    scratch.mkdir(exist_ok=True)
    return asyncio.run(open_archive(path, scratch))


def found(path: Path) -> list[tuple[str, list[str]]]:
    where = str(path.with_suffix(".scratch"))
    return [(each.source.replace(where, "."), [str(name) for name in each.references]) for each in opened(path)]


def index(*named: tuple[str, dict[str, str] | None], **more: Any) -> dict[str, Any]:
    return {"manifests": [{"digest": digest, "annotations": names, **more} for digest, names in named]}


def test_docker_save_names_its_images(tmp_path: Path) -> None:
    images = [{"RepoTags": ["web:1", "quay.io/a/b:2"]}, {"RepoTags": None}]
    path = written(tmp_path / "a:b.tar", manifest=images)
    assert found(path) == [
        ("docker-archive:./archive:@0", ["docker.io/library/web:1", "quay.io/a/b:2"]),
        ("docker-archive:./archive:@1", []),
    ]
    assert (path.with_suffix(".scratch") / "archive").resolve() == path


def test_newer_docker_writes_both_and_its_own_file_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tar", index={"manifests": [{}]}, manifest=[{"RepoTags": ["web:1"]}])
    assert found(path) == [("docker-archive:./archive:@0", ["docker.io/library/web:1"])]


@pytest.mark.parametrize(
    ("annotations", "names"),
    [
        ({REF: "web:1"}, ["docker.io/library/web:1"]),
        ({REF: "1", FULL: "quay.io/web:1"}, ["quay.io/web:1"]),
        ({REF: "Not A Name"}, []),
        (None, []),
    ],
)
def test_an_oci_layout_names_its_image(tmp_path: Path, annotations: dict[str, str] | None, names: list[str]) -> None:
    path = written(tmp_path / "a.tar", index=index((ONE, annotations)))
    assert found(path) == [("oci:./image0", names)]


def test_of_several_images_each_is_a_layout_of_its_own_and_may_have_several_names(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tar", index=index((ONE, {REF: "a:1"}), (TWO, None), (ONE, {REF: "b:1"})))
    assert found(path) == [("oci:./image0", ["docker.io/library/a:1", "docker.io/library/b:1"]), ("oci:./image1", [])]
    (entry,) = json.loads((path.with_suffix(".scratch") / "image1/index.json").read_text())["manifests"]
    assert entry["digest"] == TWO


def test_images_for_other_machines_are_left_out(tmp_path: Path) -> None:
    here, there = ({"os": "linux", "architecture": each} for each in (architecture(), "mips"))
    several = {"manifests": [{"digest": ONE, "platform": there}, {"digest": TWO, "platform": here}]}
    assert len(found(written(tmp_path / "a.tar", index=several))) == 1
    with pytest.raises(ImagePullError, match=f"it holds no image for linux/{architecture()}"):
        opened(written(tmp_path / "b.tar", index=index((ONE, None), platform=there)))


def test_blobs_are_copied_and_nothing_else_is(tmp_path: Path) -> None:
    blob = f"blobs/sha256/{'a' * 64}"
    members = [
        directory("blobs"),
        member("evil", content=b"x"),
        member(f"blobs/sha256/{'b' * 64}", b"2", linkname="/etc/shadow"),
        member(f"./{blob}", content=b"first"),
        member(blob, content=b"the blob"),
        member("index.json", content=json.dumps(index((ONE, None))).encode()),
    ]
    (tmp_path / "a.tar").write_bytes(archive(members))
    opened(tmp_path / "a.tar")
    scratch = tmp_path / "a.scratch"
    assert [path.name for path in (scratch / "blobs/sha256").iterdir()] == ["a" * 64]
    assert (scratch / "image0" / blob).read_bytes() == b"the blob"
    assert {path.name for path in scratch.iterdir()} == {"blobs", "image0"}


def test_a_directory_may_be_a_layout(tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    (layout / "blobs").mkdir(parents=True)
    (layout / "index.json").write_text(json.dumps(index((ONE, {REF: "web:1"}))))
    assert found(layout) == [("oci:./image0", ["docker.io/library/web:1"])]
    assert (tmp_path / "layout.scratch/image0/blobs").readlink() == layout / "blobs"
    (tmp_path / "other").mkdir()
    with pytest.raises(ImagePullError, match="it cannot be read: No such file or directory"):
        opened(tmp_path / "other")


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_an_archive_may_be_compressed(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = written(tmp_path / "a.tar", manifest=[{"RepoTags": ["web:1"]}])
    path.write_bytes(compress(path.read_bytes()))
    assert len(found(path)) == 1


def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "LEAST_BYTES", 1_000_000)
    path = tmp_path / "a.tar"
    path.write_bytes(gzip.compress(bytes(3_000_000)))
    with pytest.raises(ImagePullError, match="it is too large: unpacked it has more than 1000000 bytes"):
        opened(path)


def test_a_compressed_archive_that_is_broken_says_so_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(gzip.compress(os.urandom(100_000))[:50_000])
    with pytest.raises(ImagePullError, match=r"it cannot be unpacked: \w+: ") as caught:
        opened(path)
    assert "\n" not in str(caught.value)


def test_a_program_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    (tmp_path / "a.tar").write_bytes(b"\x28\xb5\x2f\xfd....")
    with pytest.raises(ImagePullError, match="it cannot be unpacked: install zstd"):
        opened(tmp_path / "a.tar")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is no tar archive: give a docker-archive or an oci-archive, as "),
        (b"junk" * 200, "it is no tar archive: give "),
        (archive([member("f", content=bytes(5000))])[:2000], "it is cut off: give "),
        (archive([member("f")]), "it holds no images, neither manifest.json nor index.json is in it: give "),
        (archive([member("../f")]), 'an entry leads out of the image: "../f"'),
        (archive([member("manifest.json", content=b"{")]), "it cannot be read: "),
        (archive([member("manifest.json", content=b"[3]")]), "it cannot be read: "),
        (archive([member("index.json", content=b"{}")]), "it cannot be read: it lacks 'manifests'"),
        (archive([member("index.json", content=bytes(17 * 1024 * 1024))]), "it cannot be read: its list of images"),
        (archive([member("index.json", b"5")]), "it holds no images, "),
        (archive([member("index.json", content=b"[" * 100_000)]), "it cannot be read: maximum recursion depth"),
        (archive([member("f", pax_headers={"size": "9" * 5000})]), "the archive is malformed: a size that is no "),
    ],
)
def test_what_is_no_archive_of_images_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    with pytest.raises(ImagePullError) as caught:
        opened(path)
    assert str(caught.value).startswith(message)


def test_an_archive_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImagePullError, match="No such file"):
        opened(tmp_path / "none.tar")
