"""What pulls, removals and verifications of one store do to each other, and what a restart does to who runs."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hostpod.images import Image, ImageError, ImageStore, Progress
from lab.place import patient
from lab.registry import Registry
from tests.integration.image_kit import Layout, Place, push, until
from tests.integration.image_liar import liar
from tests.unit.images.archives import archive, member

pytestmark = pytest.mark.integration
BASE = archive([member("base", content=random.Random(1).randbytes(50_000))])
OTHER = archive([member("other")])
OWN = archive([member("own", content=random.Random(2).randbytes(90_000))])


@pytest.fixture
def place(tmp_path: Path, registry: Registry) -> Place:
    """Its registry has base:1, of one layer, app:1, of this layer and one of its own, and other:1."""
    layout = Layout(tmp_path / "layout")
    push(registry, layout.tag(layout.image([BASE])), "library/base:1")
    push(registry, layout.tag(layout.image([BASE, OWN], config={"User": "7"})), "library/app:1")
    push(registry, layout.tag(layout.image([OTHER])), "library/other:1")
    return Place(tmp_path / "place", registry.address)


@contextmanager
def slow(place: Place, registry: Registry) -> Iterator[tuple[threading.Event, threading.Event]]:
    """A registry that keeps the larger layer: set when it was asked for it, and what tells it to go on."""
    asked, go_on = threading.Event(), threading.Event()

    def twist(path: str, _: int, body: bytes) -> tuple[bytes, int]:
        if "/blobs/" in path and len(body) > 80_000:
            asked.set()
            go_on.wait(patient(60))
        return body, 200

    with liar(registry, twist) as address:
        place.answer_from(address)
        try:
            yield asked, go_on
        finally:
            go_on.set()
            place.answer_from(registry.address)


async def begun(store: ImageStore, asked: threading.Event) -> asyncio.Future[Image]:
    """A pull of app:1, of which all is known but the layer that is kept back."""
    told: list[Progress] = []
    pull = asyncio.ensure_future(store.ensure("app:1", policy="IfNotPresent", progress=told.append))
    await until(lambda: asked.is_set() and "fetching" in [each.phase for each in told])
    return pull


async def content(store: ImageStore, image: Image, place: Place) -> set[str]:
    root = place.root()
    await store.mount_rootfs(image, **root)
    names = {path.name for path in root["target"].iterdir()}
    await store.unmount_rootfs(root["target"])
    return names


def flip(layer: Path) -> None:
    file = next(layer.iterdir()) if layer.is_dir() else layer
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])


@pytest.mark.parametrize("mended", [True, False])
def test_a_layer_is_taken_out_while_a_pull_counts_on_it(place: Place, registry: Registry, *, mended: bool) -> None:
    async def work(store: ImageStore) -> None:
        base = await store.ensure("base:1", policy="IfNotPresent")
        assert [each.state async for each in store.verify([base])] == ["ok"]
        with slow(place, registry) as (asked, go_on):
            pull = await begun(store, asked)
            flip(place.state / "layers" / f"{base.layers[0].removeprefix('sha256:')}.squashfs")
            if not mended:
                place.answer_from("127.0.0.1:1")
            assert [each.state async for each in store.verify([base])] == ["mended" if mended else "corrupt"]
            place.answer_from(registry.address)
            go_on.set()
            image = await pull
        assert await content(store, image, place) == {"base", "own"}
        assert {each.state async for each in store.verify(store.list())} == {"ok"}

    place.run(work)
    assert place.files() == set()


def test_an_image_goes_with_its_layers_while_a_pull_hangs(place: Place, registry: Registry) -> None:
    async def work(store: ImageStore) -> None:
        base, other = [await store.ensure(name, policy="IfNotPresent") for name in ("base:1", "other:1")]
        with slow(place, registry) as (asked, go_on):
            pull = await begun(store, asked)
            await store.remove(other)
            await store.remove(base)
            await store.settled()
            assert f"{other.layers[0].removeprefix('sha256:')}.squashfs" not in place.layers()
            go_on.set()
            image = await pull
        assert await content(store, image, place) == {"base", "own"}
        assert len(place.layers()) == 2

    place.run(work)


def test_what_a_failed_pull_has_left_is_freed_before_images_are(place: Place, registry: Registry) -> None:
    def twist(path: str, _: int, body: bytes) -> tuple[bytes, int]:
        return (b"", 404) if "/blobs/" in path and len(body) > 80_000 else (body, 200)

    async def work(store: ImageStore) -> None:
        with liar(registry, twist) as address:
            place.answer_from(address)
            with pytest.raises(ImageError):
                await store.ensure("app:1", policy="IfNotPresent")
        assert len(place.layers()) == 1
        await store.free_loose()
        assert place.layers() == set()

    place.run(work)


def test_who_asked_for_a_removal_and_went_away_leaves_nothing(place: Place) -> None:
    async def work(store: ImageStore) -> None:
        image = await store.ensure("app:1", policy="IfNotPresent")
        removal = asyncio.ensure_future(store.remove(image))
        await until(lambda: store.find(image.id) is None)
        removal.cancel()
        with suppress(asyncio.CancelledError):
            await removal
        await store.settled()
        assert place.layers() == set()

    place.run(work)
    assert place.files() == set()


@pytest.mark.parametrize("form", ["squashfs", "directory"])
def test_who_runs_keeps_all_layers_over_a_restart_though_the_image_is_forgotten(place: Place, form: str) -> None:
    running = place.root()
    places = [running["target"] / name for name in ("base", "own")]

    async def run(store: ImageStore) -> Image:
        try:
            image = await store.ensure("app:1", policy="IfNotPresent")
        except ImageError as error:
            pytest.skip(str(error))
        await store.mount_rootfs(image, **running)
        return image

    async def later(store: ImageStore) -> None:
        assert store.find(image.id) is None
        assert [len(path.read_bytes()) for path in places] == [50_000, 90_000]

    async def last(store: ImageStore) -> None:
        await store.unmount_rootfs(running["target"])

    image = place.run(run, layers=form)
    before = place.layers()
    (place.state / "blobs/sha256" / image.id.removeprefix("sha256:")).write_bytes(b"{")
    for _ in range(2):
        place.run(later, layers=form)
    assert form == "squashfs" or place.layers() == before
    place.run(last, layers=form)

    async def nothing(_: ImageStore) -> None:
        """A start looks what is there."""

    place.run(nothing, layers=form)
    assert place.layers() == set()
    assert place.mounted() == []
