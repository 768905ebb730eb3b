"""What goes wrong in the middle of a pull: a registry that dies, kill -9, a full disk. The next pull works."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hostpod.host.mount import mount, unmount
from hostpod.images import Image, ImageError
from lab.place import patient
from lab.registry import Registry
from lab.relay import relay
from tests.integration.image_kit import Layout, Place, push, until
from tests.unit.images.archives import archive, member

pytestmark = pytest.mark.integration

NOISE = random.Random(1).randbytes(3_000_000)


@pytest.fixture
def place(tmp_path: Path, registry: Registry) -> Place:
    return Place(tmp_path / "place", registry.address)


@pytest.fixture
def image(tmp_path: Path, registry: Registry) -> str:
    """A name of three layers that do not compress: 100 KB, 3 MB, 3 MB."""
    layout = Layout(tmp_path / "layout")
    small = archive([member("small", content=NOISE[:100_000])])
    large = [archive([member(f"large{number}", content=NOISE[number:])]) for number in range(2)]
    push(registry, layout.tag(layout.image([small, *large])), "library/heavy:1")
    return "heavy:1"


def ensure(place: Place, name: str, **settings: object) -> Image:
    async def work() -> Image:
        async with place.store(**settings) as store:
            return await store.ensure(name, policy="IfNotPresent")

    return asyncio.run(work())


def test_a_registry_that_dies_in_the_middle_of_a_blob(place: Place, image: str, registry: Registry) -> None:
    with relay(registry.address, limit=1_500_000) as broken:
        place.answer_from(broken.address)
        with pytest.raises(ImageError, match=r'cannot pull "docker.io/library/heavy:1": ') as caught:
            ensure(place, image)
    assert caught.value.reason == "ErrImagePull"
    assert len(str(caught.value)) < 400
    assert place.files() == set()
    place.answer_from(registry.address)
    assert len(ensure(place, image).layers) == 3


def test_a_pull_has_an_end(place: Place, image: str, registry: Registry) -> None:
    with relay(registry.address, rate=200_000) as slow:
        place.answer_from(slow.address)
        begun = time.monotonic()
        with pytest.raises(ImageError, match="no end within 1 s"):
            ensure(place, image, pull_deadline_s=1)
        assert time.monotonic() - begun < patient(20)
    assert place.files() == set()


PULL = """
import asyncio, sys
from pathlib import Path
from hostpod.config import BinariesConfig, ImagesConfig
from hostpod.images import ImageStore

async def main(place, name):
    config = ImagesConfig(registries_conf=place / "registries.conf", policy=place / "policy.json")
    async with ImageStore(config, BinariesConfig(), state=place / "state", runtime=place / "run") as store:
        print("begun", flush=True)
        await store.ensure(name, policy="IfNotPresent")

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


@pytest.mark.parametrize("after", ["at once", "fetching", "building", "late"])
@pytest.mark.everywhere
def test_kill_9_in_the_middle_of_a_pull(place: Place, image: str, registry: Registry, after: str) -> None:
    with relay(registry.address, rate=4_000_000) as slow:
        place.answer_from(slow.address)
        child = subprocess.Popen([sys.executable, "-c", PULL, place.directory, image], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"begun\n"
        conditions = {
            "at once": lambda: True,
            "fetching": lambda: list(place.state.glob("tmp/pull-*/layout/oci-put-blob*")),
            "building": lambda: list(place.state.glob("tmp/pull-*/blobs/sha256/*.building")) or place.layers(),
            "late": lambda: len(place.layers()) > 1,
        }
        asyncio.run(until(conditions[after]))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    place.answer_from(registry.address)

    async def work() -> Image:
        async with place.store() as store:
            assert place.files() == set()
            assert len(place.layers()) in (0, 3)
            pulled = await store.ensure(image, policy="IfNotPresent")
            root = place.root()
            await store.mount_rootfs(pulled, **root)
            assert (root["target"] / "large1").read_bytes() == NOISE[1:]
            await store.unmount_rootfs(root["target"])
            return pulled

    asyncio.run(work())
    assert len(place.layers()) == 3


@pytest.mark.parametrize("megabytes", [2, 5, 8])
def test_a_full_disk_is_told_and_freed(
    place: Place, image: str, registry: Registry, tmp_path: Path, megabytes: int
) -> None:
    place.state.mkdir()
    mount("none", place.state, "tmpfs", data=f"size={megabytes}m")
    try:
        layout = Layout(tmp_path / "small")
        push(registry, layout.tag(layout.image([archive([member("f", content=b"1")])])), "library/small:1")

        async def work() -> None:
            async with place.store() as store:
                with pytest.raises(ImageError, match="no space left on device"):
                    await store.ensure(image, policy="IfNotPresent")
                assert place.files() == place.layers() == set()
                usage = os.statvfs(place.state)
                assert usage.f_bavail > usage.f_blocks * 0.9
                await store.ensure("small:1", policy="IfNotPresent")

        asyncio.run(work())
    finally:
        unmount(place.state)


def test_a_power_cut_leaves_what_was_written_whole(place: Place, image: str) -> None:
    """Whatever is half-made has no name that counts: a store with any of it removed or cut short still opens."""
    pulled = ensure(place, image)
    (place.state / "layers" / ("0" * 64 + ".squashfs")).write_bytes(b"of a pull that never ended")
    (place.state / "blobs/sha256" / ("0" * 64)).write_bytes(b"{")
    (place.state / ".index.json.tmp").write_bytes(b"{")
    assert ensure(place, image) == pulled
    assert len(place.layers()) == 3
    (place.state / "blobs/sha256" / pulled.id.removeprefix("sha256:")).write_bytes(b"{")
    assert ensure(place, image) == pulled


def test_an_index_that_cannot_be_read_is_explained(place: Place) -> None:
    place.state.mkdir()
    (place.state / "index.json").write_text('{"images": [{}], "format": 1}')
    with pytest.raises(ImageError, match=r"cannot read .*/index.json: images.0.id: field required; remove the file"):
        ensure(place, "busybox")


def test_the_stores_end_ends_pulls(place: Place, image: str, registry: Registry) -> None:
    async def work() -> None:
        with relay(registry.address, rate=500_000) as slow:
            place.answer_from(slow.address)
            async with place.store() as store:
                waiting = asyncio.ensure_future(store.ensure(image, policy="IfNotPresent"))
                await until(place.pulls)
            with pytest.raises(asyncio.CancelledError):
                await waiting

    begun = time.monotonic()
    asyncio.run(work())
    assert time.monotonic() - begun < patient(20)
    assert place.files() == set()
