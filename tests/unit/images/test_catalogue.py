from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from hostpod.host.store import StoreError
from hostpod.images.access import Access
from hostpod.images.catalogue import Catalogue
from hostpod.images.image import Image
from hostpod.images.index import ImageRecord, LayerRecord, load_index
from hostpod.images.manifest import digest_of

REFERENCE = "docker.io/library/web:1"
DIGEST = f"docker.io/library/web@{digest_of(b'web')}"


def add(catalogue: Catalogue, user: str, *references: str, digests: tuple[str, ...] = ()) -> Image:
    diff_id = digest_of(user.encode())
    configuration = json.dumps({"config": {"User": user}, "rootfs": {"diff_ids": [diff_id]}}).encode()
    manifest = f"manifest of {user}".encode()
    record = ImageRecord(
        id=digest_of(configuration),
        references=references,
        repo_digests=digests,
        manifest=digest_of(manifest),
        layers=(LayerRecord(blob=digest_of(b"blob"), blob_bytes=1, diff_id=diff_id, size_bytes=2),),
    )
    return asyncio.run(catalogue.add(record, manifest=manifest, configuration=configuration))


def opened(directory: Path, *, layers: bool = True) -> Catalogue:
    catalogue = Catalogue(directory, {})
    catalogue.open(lambda _: layers)
    return catalogue


def blobs(directory: Path) -> int:
    return len(list((directory / "blobs/sha256").iterdir()))


def test_images_are_found_by_all_their_names(tmp_path: Path) -> None:
    catalogue = opened(tmp_path)
    image = add(catalogue, "a", REFERENCE, digests=(DIGEST,))
    for name in ("web:1", REFERENCE, DIGEST, image.id, image.id.removeprefix("sha256:")):
        assert catalogue.find(name) == image
    for name in ("web", "web:2", "WEB", "", digest_of(b"other")):
        assert catalogue.find(name) is None


def test_what_was_added_is_there_after_a_restart(tmp_path: Path) -> None:
    image = add(opened(tmp_path), "a", REFERENCE)
    catalogue = opened(tmp_path)
    assert catalogue.images() == (image,)
    assert catalogue.layers() == {image.id: image.layers}
    assert set(catalogue.diff_ids()) == set(image.layers)
    assert [record.id for record in catalogue.records()] == [image.id]


def test_an_image_is_forgotten_with_its_blobs(tmp_path: Path) -> None:
    catalogue = opened(tmp_path)
    image, other = add(catalogue, "a", REFERENCE), add(catalogue, "b")
    assert blobs(tmp_path) == 4
    asyncio.run(catalogue.remove(image.id))
    asyncio.run(catalogue.remove(image.id))
    assert (catalogue.images(), catalogue.find(REFERENCE), blobs(tmp_path)) == ((other,), None, 2)


def test_what_layers_are_is_known_after_more_was_written_down(tmp_path: Path) -> None:
    known: dict[str, str] = {}
    catalogue = Catalogue(tmp_path, known)
    catalogue.open(lambda _: True)
    image = add(catalogue, "a", REFERENCE, digests=(DIGEST,))
    known[image.layers[0]] = "sha256:1"
    asyncio.run(catalogue.note_contents())
    asyncio.run(catalogue.grant(image.id, Access(repository="docker.io/library/web", node=True)))
    assert load_index(tmp_path / "index.json")[1] == known
    asyncio.run(catalogue.untag(image.id, REFERENCE))
    again: dict[str, str] = {}
    Catalogue(tmp_path, again).open(lambda _: True)
    assert again == known


def test_an_image_without_its_layers_is_forgotten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    image = add(opened(tmp_path), "a", REFERENCE)
    assert opened(tmp_path, layers=False).images() == ()
    assert f"image {image.id} is forgotten: it lacks a layer" in caplog.text
    assert opened(tmp_path).images() == ()
    assert blobs(tmp_path) == 0


@pytest.mark.parametrize("content", [None, b"{"])
def test_an_image_without_its_configuration_is_forgotten(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    image = add(opened(tmp_path), "a", REFERENCE)
    blob = tmp_path / "blobs/sha256" / image.id.removeprefix("sha256:")
    blob.unlink()
    if content:
        blob.write_bytes(content)
    assert opened(tmp_path).images() == ()
    assert f"image {image.id} is forgotten: " in caplog.text


def test_an_image_that_was_removed_may_come_again(tmp_path: Path) -> None:
    catalogue = opened(tmp_path)
    image = add(catalogue, "a", REFERENCE)
    asyncio.run(catalogue.remove(image.id))
    assert add(catalogue, "a", REFERENCE) == image


def test_an_image_that_is_needed_at_the_last_moment_stays(tmp_path: Path) -> None:
    catalogue = opened(tmp_path)
    image = add(catalogue, "a", REFERENCE)
    assert not asyncio.run(catalogue.remove(image.id, unless=lambda: True))
    assert catalogue.find(REFERENCE) == image


def test_an_image_loses_a_name_and_keeps_the_others(tmp_path: Path) -> None:
    other = "quay.io/x/web:1"
    catalogue = opened(tmp_path)
    image = add(catalogue, "a", REFERENCE, other, digests=(DIGEST,))
    asyncio.run(catalogue.untag(image.id, REFERENCE))
    assert catalogue.find(REFERENCE) is None
    assert catalogue.find(DIGEST) is None, "it went with the last name of its repository"
    assert opened(tmp_path).find(other) == catalogue.find(other)
    assert blobs(tmp_path) == 2


def test_a_digest_stays_with_another_name_of_its_repository(tmp_path: Path) -> None:
    catalogue = opened(tmp_path)
    image = add(catalogue, "a", REFERENCE, "docker.io/library/web:2", digests=(DIGEST,))
    asyncio.run(catalogue.untag(image.id, REFERENCE))
    assert catalogue.find(DIGEST)
    asyncio.run(catalogue.untag(image.id, DIGEST))
    assert catalogue.find(DIGEST) is None
    assert catalogue.find("web:2")


def test_where_it_cannot_be_written_nothing_is_gone(tmp_path: Path) -> None:
    catalogue = opened(tmp_path)
    image = add(catalogue, "a", REFERENCE)
    (tmp_path / ".index.json.tmp").mkdir()
    with pytest.raises(StoreError, match="cannot write"):
        asyncio.run(catalogue.remove(image.id))
    assert catalogue.find(REFERENCE) == image


def test_a_configuration_is_there_as_it_came(tmp_path: Path) -> None:
    catalogue = opened(tmp_path)
    image = add(catalogue, "a", REFERENCE)
    assert json.loads(catalogue.content(image.id))["config"] == {"User": "a"}
