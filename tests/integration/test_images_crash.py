"""What goes wrong in the middle of a pull: a registry that dies, kill -9, a full disk. The next pull works."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hostpod.host.loop import mount_image
from hostpod.host.mount import mount, unmount
from hostpod.images import Image, ImageError, Preloaded, Progress
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


PRELOAD = """
import asyncio, sys
from pathlib import Path
from hostpod.config import BinariesConfig, ImagesConfig
from hostpod.images import ImageStore

async def main(place, directory):
    config = ImagesConfig(registries_conf=place / "registries.conf", policy=place / "policy.json")
    async with ImageStore(config, BinariesConfig(), state=place / "state", runtime=place / "run") as store:
        store.preload(directory, lambda news: print(news, flush=True))
        await asyncio.sleep(60)

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
"""


@pytest.mark.parametrize("after", ["unpacking", "fetching", "written down"])
def test_kill_9_while_archives_are_loaded(place: Place, tmp_path: Path, after: str) -> None:
    layout, directory = Layout(tmp_path / "layout"), tmp_path / "preload"
    layout.tag(layout.image([archive([member("f", content=NOISE)])]), "big:1")
    directory.mkdir()
    subprocess.run(["tar", "-C", layout.directory, "-czf", directory / "big.tar.gz", "."], check=True)
    conditions = {
        "unpacking": lambda: list(place.state.glob("tmp/pull-*/plain.tar")),
        "fetching": place.pulls,
        "written down": (place.state / "index.json").exists,
    }
    with subprocess.Popen([sys.executable, "-c", PRELOAD, place.directory, directory], stdout=subprocess.PIPE) as child:
        asyncio.run(until(conditions[after]))
        child.send_signal(signal.SIGKILL)

    async def work() -> None:
        async with place.store() as store:
            told: list[Preloaded] = []
            store.preload(directory, told.append)
            loaded = await store.ensure("big:1", policy="Never")
            root = place.root()
            await store.mount_rootfs(loaded, **root)
            assert (root["target"] / "f").read_bytes() == NOISE
            await store.unmount_rootfs(root["target"])
            await until(lambda: told)
            assert told[0].images == (loaded,)

    asyncio.run(work())
    assert place.files() == {"preloaded.json"}


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


def test_a_registry_that_says_nothing_is_left_at_the_deadline(place: Place) -> None:
    """It takes the connection, and then nothing comes."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place.answer_from(f"127.0.0.1:{silent.getsockname()[1]}")
        begun = time.monotonic()
        with pytest.raises(ImageError, match=r'cannot pull "docker.io/library/busybox:latest": no end within 1 s'):
            ensure(place, "busybox", pull_deadline_s=1)
        assert time.monotonic() - begun < patient(20)
    assert place.files() == set()


def test_serial_pulls_come_in_the_order_of_asking(place: Place, registry: Registry, tmp_path: Path) -> None:
    names = [f"turn{number}:1" for number in range(4)]
    for name in names:
        layout = Layout(tmp_path / name.partition(":")[0])
        push(registry, layout.tag(layout.image([archive([member("f", content=name.encode())])])), f"library/{name}")
    ended: list[str] = []
    at_once: list[int] = []
    told: dict[str, list[str]] = {name: [] for name in names}

    async def work() -> None:
        async with place.store(max_parallel_pulls=1) as store, asyncio.TaskGroup() as tasks:

            async def pull(name: str) -> None:
                def heard(news: Progress) -> None:
                    at_once.append(len(place.pulls()))
                    told[name].append(news.phase)

                await store.ensure(name, policy="IfNotPresent", progress=heard)
                ended.append(name)

            for name in names:
                tasks.create_task(pull(name))

    asyncio.run(work())
    assert ended == names
    assert max(at_once) == 1
    assert [phases[0] for phases in told.values()] == ["resolving", "waiting", "waiting", "waiting"]


@contextmanager
def small_disk(directory: Path, *, megabytes: int) -> Iterator[Path]:
    """An ext4 file system on a loop device, mounted on `directory`; the file that it is in."""
    disk = directory.with_suffix(".disk")
    with disk.open("wb") as file:
        file.truncate(megabytes * 1_000_000)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", disk], check=True)
    with mounted_disk(disk, directory):
        yield disk


@contextmanager
def mounted_disk(disk: Path, directory: Path) -> Iterator[None]:
    directory.mkdir()
    mount_image(disk, directory, "ext4")
    try:
        yield
    finally:
        unmount(directory)


@pytest.mark.loop
def test_a_full_disk_ends_a_load_too_and_what_it_took_is_freed(
    place: Place, registry: Registry, tmp_path: Path
) -> None:
    """On a real file system; an archive that is unpacked, copied and built in turn."""
    layout = Layout(tmp_path / "big")
    layout.tag(layout.image([archive([member("f", content=NOISE * 3)])]), "big:1")
    packed = tmp_path / "big.tar.gz"
    subprocess.run(["tar", "-C", layout.directory, "-czf", packed, "."], check=True)
    with small_disk(place.state, megabytes=14):

        async def work() -> None:
            async with place.store() as store:
                free = os.statvfs(place.state).f_bavail
                with pytest.raises(ImageError, match="cannot load the archive: no space left on device") as caught:
                    await store.load(packed)
                assert "\n" not in str(caught.value)
                (place.state / "lost+found").rmdir()
                assert place.files() == place.layers() == set()
                assert os.statvfs(place.state).f_bavail >= free * 0.98
                await store.ensure("busybox", policy="IfNotPresent")

        asyncio.run(work())


@pytest.mark.loop
def test_the_power_goes_when_a_pull_has_ended(place: Place, image: str, tmp_path: Path) -> None:
    """What the disk holds at that moment, without what only memory has: the image is there, whole."""
    with small_disk(place.state, megabytes=40) as disk:

        async def work() -> Image:
            async with place.store() as store:
                pulled = await store.ensure(image, policy="IfNotPresent")
                shutil.copyfile(disk, tmp_path / "after")
                return pulled

        pulled = asyncio.run(work())
    with mounted_disk(tmp_path / "after", tmp_path / "cut"):
        after = Place(tmp_path / "again", "127.0.0.1:1")
        after.state = tmp_path / "cut"

        async def look() -> list[str]:
            async with after.store() as store:
                assert await store.ensure(image, policy="Never") == pulled
                return [checked.state async for checked in store.verify(store.list())]

        assert set(asyncio.run(look())) <= {"ok", "noted"}
