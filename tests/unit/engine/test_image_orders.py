"""What people ask of images, of a store that is real but for its roots and a machine that is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from hostpod.config import BinariesConfig, ImagesConfig
from hostpod.engine.image_orders import ImageOrders
from hostpod.engine.image_users import ImageUsers
from hostpod.images import Image, ImageStore
from hostpod.images.catalogue import Catalogue
from hostpod.kube.api_status import StatusError
from tests.unit.engine.a_host import Host, a_host, named
from tests.unit.engine.machine import Machine
from tests.unit.images.test_catalogue import DIGEST, REFERENCE, add

OTHER = "quay.io/x/web:1"
Work = Callable[[Host, ImageOrders, ImageStore], Coroutine[Any, Any, None]]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A store with an image of two names, one without a tag, and one that pods run from."""
    state = tmp_path / "images"
    (state / "layers").mkdir(parents=True)
    catalogue = Catalogue(state, {})
    catalogue.open(lambda _: True)
    made = (
        add(catalogue, "web", REFERENCE, OTHER, digests=(DIGEST,)),
        add(catalogue, "loose"),
        add(catalogue, "img", "docker.io/library/img:latest"),
    )
    for image in made:
        for layer in image.layers:
            (state / "layers" / layer.removeprefix("sha256:")).mkdir()
    return state


def asked(machine: Machine, images: Path, work: Work, *pods: Any, **settings: Any) -> None:
    async def run() -> None:
        store = ImageStore(ImagesConfig(), BinariesConfig(), state=images, runtime=images.parent / "layers")
        async with store, a_host(machine, *pods) as host:
            if pods:
                await host.until_running()
            host.edges.config = host.edges.config.model_copy(update={"images": ImagesConfig(**settings)})
            machine_images, host.edges.images = host.edges.images, store
            await work(host, ImageOrders(host.edges, ImageUsers(host.edges, host.engine)), store)
            host.edges.images = machine_images

    asyncio.run(run())


def found(store: ImageStore, name: str) -> Image:
    image = store.find(name)
    assert image
    return image


def test_a_name_goes_and_with_the_last_one_the_image(machine: Machine, images: Path) -> None:
    async def work(_: Host, orders: ImageOrders, store: ImageStore) -> None:
        identity = found(store, REFERENCE).id
        assert await orders.remove("web:1") == {"untagged": [REFERENCE], "removed": None, "freedBytes": 0}
        assert found(store, OTHER).id == identity
        assert await orders.remove(OTHER) == {"untagged": [OTHER], "removed": identity, "freedBytes": 2}
        assert store.find(OTHER) is None
        with pytest.raises(StatusError, match=f'image "{OTHER}" is not on this host'):
            await orders.remove(OTHER)

    asked(machine, images, work)


def test_by_its_id_an_image_goes_with_all_its_names(machine: Machine, images: Path) -> None:
    async def work(_: Host, orders: ImageOrders, store: ImageStore) -> None:
        identity = found(store, REFERENCE).id
        answer = await orders.remove(identity)
        assert (answer["untagged"], answer["removed"]) == ([REFERENCE, OTHER], identity)
        assert (images / "layers").exists()
        assert len(list((images / "layers").iterdir())) == 2

    asked(machine, images, work)


def test_what_a_pod_uses_stays_and_the_pod_is_named(machine: Machine, images: Path) -> None:
    async def work(_: Host, orders: ImageOrders, store: ImageStore) -> None:
        for name in ("img", found(store, "img").id):
            with pytest.raises(StatusError) as caught:
                await orders.remove(name)
            assert caught.value.reason == "Conflict"
            assert str(caught.value).endswith(
                'cannot remove image "docker.io/library/img:latest": pods default/a, default/b use it'
            )
        assert (await orders.inspect("img"))["pods"] == ["default/a", "default/b"]
        assert found(store, "img").id not in {
            image["id"] for image in (await orders.prune(everything=True, dry_run=True))["images"]
        }

    asked(machine, images, work, named("a", "1"), named("b", "2"))


def test_a_name_that_a_pod_has_in_its_manifest_stays(machine: Machine, images: Path) -> None:
    machine.present.add("web:1")

    async def work(_: Host, orders: ImageOrders, store: ImageStore) -> None:
        with pytest.raises(StatusError, match=f'cannot remove the name "{REFERENCE}": pod default/a uses it'):
            await orders.remove("web:1")
        assert (await orders.remove(OTHER))["untagged"] == [OTHER]

    asked(machine, images, work, named("a", "1", containers=[{"name": "web", "image": "web:1"}]))


def test_prune_takes_what_has_no_tag_or_everything(machine: Machine, images: Path) -> None:
    async def work(_: Host, orders: ImageOrders, store: ImageStore) -> None:
        dry = await orders.prune(everything=True, dry_run=True)
        assert (len(dry["images"]), dry["freedBytes"], len(store.list())) == (2, 4, 3)
        loose = await orders.prune(everything=False, dry_run=False)
        assert [image["references"] for image in loose["images"]] == [[]]
        assert loose["freedBytes"] == 2
        assert len((await orders.prune(everything=True, dry_run=False))["images"]) == 1
        assert [image.references for image in store.list()] == [("docker.io/library/img:latest",)]

    asked(machine, images, work, pinned=("img",))


def test_prune_goes_on_after_an_image_that_cannot_go(machine: Machine, images: Path) -> None:
    async def work(_: Host, orders: ImageOrders, store: ImageStore) -> None:
        (images / ".index.json.tmp").mkdir()
        assert await orders.prune(everything=True, dry_run=False) == {"images": [], "freedBytes": 0}
        with pytest.raises(StatusError, match="cannot write"):
            await orders.remove(OTHER)
        assert len(store.list()) == 3

    asked(machine, images, work)


def test_everything_about_an_image(machine: Machine, images: Path) -> None:
    async def work(_: Host, orders: ImageOrders, store: ImageStore) -> None:
        told = await orders.inspect(DIGEST)
        assert json.loads(json.dumps(told)) == told
        assert (told["id"], told["references"], told["pinned"]) == (found(store, OTHER).id, [REFERENCE, OTHER], True)
        assert (told["config"], told["history"], told["architecture"]) == ({"User": "web"}, [], "")
        (layer,) = told["layers"]
        assert (layer["diffId"], layer["sizeBytes"], layer["compressedBytes"]) == (*found(store, OTHER).layers, 2, 1)
        assert told["lastUsed"].endswith("Z")
        blob = images / "blobs/sha256" / told["id"].removeprefix("sha256:")
        blob.write_text("{")
        with pytest.raises(StatusError, match="cannot read the configuration of sha256:"):
            await orders.inspect(DIGEST)

    asked(machine, images, work, pinned=("quay.io/*",))
