from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from hostpod.images.archive import images_in
from hostpod.images.errors import ImagePullError
from tests.unit.images.archives import archive, member

REF, FULL = "org.opencontainers.image.ref.name", "io.containerd.image.name"


def written(path: Path, **files: Any) -> Path:
    content = archive([member(f"./{name}.json", content=json.dumps(value).encode()) for name, value in files.items()])
    path.write_bytes(content)
    return path


def found(path: Path) -> list[tuple[str, str, list[str]]]:
    return [(each.transport, each.selector, [str(name) for name in each.references]) for each in images_in(path)]


def test_docker_save_names_its_images(tmp_path: Path) -> None:
    images = [{"RepoTags": ["web:1", "quay.io/a/b:2"]}, {"RepoTags": None}]
    assert found(written(tmp_path / "a.tar", manifest=images)) == [
        ("docker-archive", ":@0", ["docker.io/library/web:1", "quay.io/a/b:2"]),
        ("docker-archive", ":@1", []),
    ]


def test_newer_docker_writes_both_and_its_own_file_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tar", index={"manifests": [{}]}, manifest=[{"RepoTags": ["web:1"]}])
    assert found(path) == [("docker-archive", ":@0", ["docker.io/library/web:1"])]


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
    path = written(tmp_path / "a.tar", index={"manifests": [{"annotations": annotations}]})
    assert found(path) == [("oci-archive", "", names)]


def test_of_several_images_each_is_chosen_by_its_name(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tar", index={"manifests": [{"annotations": {REF: name}} for name in ("a:1", "b:1")]})
    assert [selector for _, selector, _ in found(path)] == [":a:1", ":b:1"]


def test_an_archive_may_be_compressed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tar", manifest=[{"RepoTags": ["web:1"]}])
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert len(found(path)) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is no tar file, or it is cut off: give a docker-archive or an oci-archive, as "),
        (b"junk" * 200, "it is no tar file, or it is cut off: give "),
        (archive([member("f")]), "it holds no images, neither manifest.json nor index.json is in it: give "),
        (archive([member("manifest.json", content=b"{")]), "it cannot be read: "),
        (archive([member("manifest.json", content=b"[3]")]), "it cannot be read: "),
        (archive([member("index.json", content=b"{}")]), "it cannot be read: "),
        (archive([member("index.json", b"5")]), "it cannot be read: index.json is no file"),
    ],
)
def test_what_is_no_archive_of_images_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    with pytest.raises(ImagePullError) as caught:
        images_in(path)
    assert str(caught.value).startswith(message)


def test_an_archive_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImagePullError, match="No such file"):
        images_in(tmp_path / "none.tar")
