"""Corruption is found and mended, what is corrupt never runs, and machines that are never online have their images."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hostpod.images import Checked, Image, ImageError, ImageStore, Preloaded
from lab.registry import Registry
from tests.integration.image_kit import Layout, Place, push, until
from tests.unit.images.archives import archive, member

pytestmark = pytest.mark.integration
T = TypeVar("T")
NOISE = random.Random(1).randbytes(200_000)


@pytest.fixture
def place(tmp_path: Path, registry: Registry) -> Place:
    return Place(tmp_path / "place", registry.address)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


def two_layers(layout: Layout, registry: Registry) -> str:
    """A pushed image of the files `a` and `b`."""
    layers = [archive([member(name, content=name.encode() + NOISE)]) for name in "ab"]
    push(registry, layout.tag(layout.image(layers)), "library/two:1")
    return "two:1"


async def verified(store: ImageStore) -> list[Checked]:
    return [checked async for checked in store.verify(store.list())]


async def content(store: ImageStore, image: Image, place: Place) -> dict[str, bytes]:
    root = place.root()
    await store.mount_rootfs(image, **root)
    files = {path.name: path.read_bytes() for path in root["target"].iterdir()}
    await store.unmount_rootfs(root["target"])
    return files


def layer_of(place: Place, image: Image, number: int) -> Path:
    (path,) = (place.state / "layers").glob(f"{image.layers[number].removeprefix('sha256:')}*")
    return path


def flip(layer: Path) -> None:
    """Change something in the middle: a byte of a file, or of a directory's file."""
    file = layer if layer.is_file() else next(path for path in layer.iterdir())
    status = file.stat()
    with file.open("r+b") as opened:
        opened.seek(status.st_size // 2)
        byte = opened.read(1)
        opened.seek(-1, os.SEEK_CUR)
        opened.write(bytes([byte[0] ^ 0xFF]))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("form", ["squashfs", "directory"])
@pytest.mark.everywhere
def test_a_corrupt_layer_is_fetched_again_and_who_runs_on_it_keeps_it(
    place: Place, layout: Layout, registry: Registry, form: str
) -> None:
    name = two_layers(layout, registry)

    async def work(store: ImageStore) -> None:
        try:
            image = await store.ensure(name, policy="IfNotPresent")
        except ImageError as error:
            pytest.skip(str(error))
        assert [each.state for each in await verified(store)] == ["ok", "ok"]
        running = place.root()
        await store.mount_rootfs(image, **running)
        flip(layer_of(place, image, 1))
        checked = await verified(store)
        assert [each.state for each in checked] == ["ok", "mended"]
        assert checked[1].digest == image.layers[1]
        assert checked[1].message.endswith("of docker.io/library/two:1 was corrupt and was fetched again")
        assert await content(store, image, place) == {"a": b"a" + NOISE, "b": b"b" + NOISE}
        assert {path.name for path in running["target"].iterdir()} == {"a", "b"}
        assert [each.state for each in await verified(store)] == ["ok", "ok"]
        await store.unmount_rootfs(running["target"])

    place.run(work, layers=form)

    async def later(store: ImageStore) -> None:
        assert len(place.layers()) == 2  # nothing that was taken out is left
        assert [each.state for each in await verified(store)] == ["ok", "ok"]

    place.run(later, layers=form)
    assert place.files() == set()


def test_what_is_corrupt_is_not_run_while_it_cannot_be_mended(place: Place, layout: Layout, registry: Registry) -> None:
    name = two_layers(layout, registry)

    async def work(store: ImageStore) -> None:
        image = await store.ensure(name, policy="IfNotPresent")
        assert {each.state for each in await verified(store)} == {"ok"}
        flip(layer_of(place, image, 0))
        place.answer_from("127.0.0.1:1")
        found = next(each for each in await verified(store) if each.state != "ok")
        assert found.state == "corrupt"
        assert "connection refused" in found.message
        root = place.root()
        with pytest.raises(ImageError, match="is no longer in the store"):
            await store.mount_rootfs(image, **root)
        with pytest.raises(ImageError, match="connection refused"):
            await store.ensure(name, policy="IfNotPresent")
        with pytest.raises(ImageError, match="imagePullPolicy is Never"):
            await store.ensure(name, policy="Never")
        place.answer_from(registry.address)
        again = await store.ensure(name, policy="IfNotPresent")
        assert await content(store, again, place) == {"a": b"a" + NOISE, "b": b"b" + NOISE}

    place.run(work)


@pytest.mark.parametrize("damage", ["cut short", "zeroed"])
def test_a_layer_that_is_obviously_broken_is_pulled_anew_unasked(
    place: Place, layout: Layout, registry: Registry, damage: str
) -> None:
    name = two_layers(layout, registry)

    async def work(store: ImageStore) -> None:
        image = await store.ensure(name, policy="IfNotPresent")
        layer = layer_of(place, image, 1)
        if layer.is_dir():
            pytest.skip("layers are directories here")
        running = place.root()
        await store.mount_rootfs(image, **running)
        if damage == "zeroed":
            with layer.open("r+b") as file:
                file.write(bytes(4096))
        else:
            os.truncate(layer, layer.stat().st_size // 2)
        again = await store.ensure(name, policy="IfNotPresent")
        assert await content(store, again, place) == {"a": b"a" + NOISE, "b": b"b" + NOISE}
        await store.unmount_rootfs(running["target"])

    place.run(work)


def test_a_configuration_is_verified_too(place: Place, layout: Layout, registry: Registry) -> None:
    name = two_layers(layout, registry)

    def spoil(image: Image) -> None:
        blob = place.state / "blobs/sha256" / image.id.removeprefix("sha256:")
        blob.write_bytes(blob.read_bytes().replace(b'"linux"', b'"Linux"'))

    async def work(store: ImageStore) -> Image:
        image = await store.ensure(name, policy="IfNotPresent")
        spoil(image)
        (found,) = (each for each in await verified(store) if each.digest == image.id)
        assert found.state == "mended"
        assert [each.state for each in await verified(store)] == ["ok", "ok"]
        return image

    spoil(place.run(work))

    async def later(store: ImageStore) -> None:
        assert store.list() == ()  # at a start it is not believed

    place.run(later)


def test_an_index_of_before_is_read_and_completed(place: Place, layout: Layout, registry: Registry) -> None:
    name = two_layers(layout, registry)

    async def pull(store: ImageStore) -> Image:
        return await store.ensure(name, policy="IfNotPresent")

    image = place.run(pull)
    index = place.state / "index.json"
    old = json.loads(index.read_text())
    del old["contents"], old["images"][0]["access"]
    index.write_text(json.dumps(old))

    async def twice(store: ImageStore) -> list[str]:
        assert store.list() == (image,)
        return [each.state for _ in range(2) for each in await verified(store)]

    assert place.run(twice) == ["noted", "noted", "ok", "ok"]
    assert place.run(verified)[0].state == "ok"


# Archives


def packed(layout: Layout, path: Path, *names: str, docker: bool = False) -> Path:
    """An archive of an image for each name, which is the content of its one file."""
    for name in names:
        layout.tag(layout.image([archive([member("f", content=name.encode())])]), name)
    if docker:
        (name,) = names
        copy = ["skopeo", "--insecure-policy", "copy", "-q", f"oci:{layout.directory}:{name}"]
        subprocess.run([*copy, f"docker-archive:{path}:{name}"], check=True)
    else:
        subprocess.run(["tar", "-C", layout.directory, "-caf", path, "."], check=True)
    return path


def test_archives_of_every_kind_are_loaded(place: Place, layout: Layout, tmp_path: Path) -> None:
    several = packed(layout, tmp_path / "several.tar.zst", "one:1", "example.org/two:2")
    docker = packed(Layout(tmp_path / "other"), tmp_path / "docker.tar", "three:3", docker=True)
    subprocess.run(["zstd", "-q", "--rm", docker], check=True)

    async def work(store: ImageStore) -> None:
        loaded = [*await store.load(several), *await store.load(docker.with_suffix(".tar.zst"))]
        names = ["docker.io/library/one:1", "example.org/two:2", "docker.io/library/three:3"]
        assert [image.references for image in loaded] == [(name,) for name in names]
        for image, expected in zip(loaded, (b"one:1", b"example.org/two:2", b"three:3"), strict=True):
            assert await content(store, image, place) == {"f": expected}
        assert await store.load(layout.directory) == tuple(loaded[:2])

    place.run(work)
    assert place.files() == set()


def test_a_hostile_archive_reads_nothing_of_the_host(place: Place, layout: Layout, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"not for you")
    entry: dict[str, Any] = dict(layout.image([archive([member("f")])]))
    digest = entry["digest"].removeprefix("sha256:")
    index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    evil = archive(
        [
            member("blobs/sha256", b"2", linkname=str(tmp_path)),
            member(f"blobs/sha256/{digest}", b"2", linkname=str(secret)),
            member("index.json", content=index),
        ]
    )
    (tmp_path / "evil.tar").write_bytes(evil)

    async def work(store: ImageStore) -> None:
        with pytest.raises(ImageError) as caught:
            await store.load(tmp_path / "evil.tar")
        assert "not for you" not in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "no such file" in str(caught.value)

    place.run(work)
    assert place.files() == set()


# Machines that are never online


def test_a_directory_of_archives_is_loaded_once(place: Place, layout: Layout, tmp_path: Path) -> None:
    directory = tmp_path / "preload"
    directory.mkdir()
    packed(layout, directory / "a.tar.gz", "one:1")
    (directory / "broken.tar").write_bytes(b"broken")
    (directory / ".hidden.tar").write_bytes(b"broken")
    (directory / "coming.tar.part").write_bytes(b"broken")
    place.answer_from("127.0.0.1:1")
    told: list[Preloaded] = []

    async def first(store: ImageStore) -> None:
        store.preload(directory, told.append)
        image = await store.ensure("one:1", policy="Never")
        assert await content(store, image, place) == {"f": b"one:1"}
        await until(lambda: len(told) == 2)
        assert told[0].images == (image,)
        assert told[1].path.name == "broken.tar"
        assert told[1].error.startswith("cannot load the archive: it is no tar archive: ")
        told.clear()
        packed(layout, tmp_path / "later.tar", "two:2")
        (tmp_path / "later.tar").rename(directory / "later.tar")
        (directory / "broken.tar").write_bytes((directory / "later.tar").read_bytes())
        await until(lambda: len(told) == 2)
        assert [(each.path.name, each.error) for each in told] == [("later.tar", ""), ("broken.tar", "")]

    async def second(store: ImageStore) -> None:
        told.clear()
        store.preload(directory, told.append)
        image = await store.ensure("two:2", policy="IfNotPresent")
        assert told == []
        await store.remove(image)
        again = await store.ensure("two:2", policy="Never")  # taken from the archive once more
        assert {each.state for each in await verified(store)} == {"ok"}
        flip(layer_of(place, again, 0))
        (found,) = [each for each in await verified(store) if each.state != "ok"]
        assert (found.state, found.digest) == ("mended", again.layers[0])
        for archived in directory.iterdir():
            archived.unlink()
        assert {each.state for each in await verified(store)} == {"ok"}
        flip(layer_of(place, again, 0))
        (found,) = [each for each in await verified(store) if each.state != "ok"]
        assert found.state == "lost"
        assert found.message.endswith("load it again by hostpod image load")

    place.run(first)
    place.run(second)
    assert place.files() == {"preloaded.json"}


def test_where_an_archive_is_not_to_be_had_any_more_the_registry_is_asked(
    place: Place, layout: Layout, registry: Registry, tmp_path: Path
) -> None:
    name = two_layers(layout, registry)
    directory = tmp_path / "preload"
    directory.mkdir()
    packed(Layout(tmp_path / "other"), directory / "a.tar", name)
    before = (directory / "a.tar").stat()

    async def work(store: ImageStore) -> None:
        store.preload(directory, lambda _: None)
        loaded = await store.ensure(name, policy="Never")
        await store.remove(loaded)
        (directory / "a.tar").write_bytes(b"?" * before.st_size)
        os.utime(directory / "a.tar", ns=(before.st_atime_ns, before.st_mtime_ns))
        with pytest.raises(ImageError, match="imagePullPolicy is Never"):
            await store.ensure(name, policy="Never")
        assert await store.ensure(name, policy="IfNotPresent") != loaded

    place.run(work)


def test_a_directory_that_cannot_be_read_stops_nothing(place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    told: list[Preloaded] = []

    async def work(store: ImageStore) -> None:
        store.preload(tmp_path / "file", told.append)
        with pytest.raises(ImageError, match="imagePullPolicy is Never"):
            await store.ensure("busybox", policy="Never")

    place.run(work)
    assert told[0].error.startswith("it cannot be read: ")
