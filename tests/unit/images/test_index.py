from __future__ import annotations

import json
from pathlib import Path

import pytest

from hostpod.images.errors import ImageError
from hostpod.images.index import ImageRecord, LayerRecord, image_of, load_index, save_index, with_image
from hostpod.images.manifest import ManifestError, digest_of

DIFF = digest_of(b"layer")


def record(identity: str = "sha256:1", *references: str, digests: tuple[str, ...] = ()) -> ImageRecord:
    layer = LayerRecord(blob=digest_of(b"blob"), blob_bytes=10, diff_id=DIFF, size_bytes=4096)
    return ImageRecord(
        id=identity, references=references, repo_digests=digests, manifest=digest_of(b"m"), layers=(layer, layer)
    )


def test_images_read_as_they_were_written(tmp_path: Path) -> None:
    images = (record("sha256:1", "a", digests=("a@1",)), record("sha256:2"))
    save_index(tmp_path / "index.json", images, {})
    assert load_index(tmp_path / "index.json") == (images, {})


def test_no_file_is_no_images(tmp_path: Path) -> None:
    assert load_index(tmp_path / "index.json") == ((), {})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", ": invalid json"),
        (b"{}", "images: field required"),
        (b'{"images": [], "format": 2}', "format: input should be 1"),
        (b'{"images": [{"id": 3}]}', "images.0.id: input should be a valid string"),
    ],
)
def test_a_file_that_cannot_be_read_is_explained(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "index.json").write_bytes(content)
    with pytest.raises(ImageError) as caught:
        load_index(tmp_path / "index.json")
    assert problem in str(caught.value)
    assert "remove the file, and images are pulled anew" in str(caught.value)


def test_a_tag_that_moves_leaves_its_old_image() -> None:
    images = with_image((record("sha256:1", "a", "b"),), record("sha256:2", "b"))
    assert [(image.id, image.references) for image in images] == [("sha256:1", ("a",)), ("sha256:2", ("b",))]


def test_the_same_image_gets_further_names() -> None:
    old = record("sha256:1", "a", digests=("a@1",))
    (image,) = with_image((old,), record("sha256:1", "b", digests=("b@1", "a@1")))
    assert (image.references, image.repo_digests) == (("a", "b"), ("a@1", "b@1"))


def test_an_image_is_made_of_its_record_and_configuration() -> None:
    configuration = {"created": "2024-01-01T00:00:00Z", "config": {"User": "7"}, "rootfs": {"diff_ids": [DIFF, DIFF]}}
    image = image_of(record("sha256:1", "a"), json.dumps(configuration).encode())
    assert (image.layers, image.size_bytes, image.config.user) == ((DIFF, DIFF), 4096, "7")
    assert image.created == "2024-01-01T00:00:00Z"


def test_a_configuration_of_other_layers_is_refused() -> None:
    with pytest.raises(ManifestError, match="names other layers"):
        image_of(record(), json.dumps({"rootfs": {"diff_ids": [DIFF]}}).encode())


def test_digests_of_layers_are_kept_while_an_image_has_them(tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    save_index(path, (record(),), {DIFF: "sha256:1", digest_of(b"of another"): "sha256:2"})
    assert load_index(path) == ((record(),), {DIFF: "sha256:1"})


def test_an_older_index_is_read(tmp_path: Path) -> None:
    path = tmp_path / "index.json"
    save_index(path, (record("sha256:1", "a"),), {})
    old = json.loads(path.read_text())
    del old["contents"], old["images"][0]["access"]
    path.write_text(json.dumps(old))
    assert load_index(path) == ((record("sha256:1", "a"),), {})
