"""kill -9 at any change that the store makes to a file: pulling, verifying with mending, removing, pulling again."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hostpod.images import Image, ImageStore
from lab.place import patient
from lab.registry import Registry
from tests.integration.image_kit import Layout, Place, push
from tests.unit.images.archives import archive, member

pytestmark = pytest.mark.integration

# Ends itself at the change of that number (sys.argv[2]), as the interpreter announces it; 0: tells how many there are.
LIFE = """
import asyncio, os, signal, sys
from pathlib import Path
from hostpod.config import BinariesConfig, ImagesConfig
from hostpod.images import ImageError, ImageStore

place, at = Path(sys.argv[1]), int(sys.argv[2])
changes = 0

def watch(event, arguments):
    global changes
    if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.truncate") or (
        event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    ):
        changes += 1
        if changes == at:
            os.kill(os.getpid(), signal.SIGKILL)

def flip(layer):
    with open(layer, "r+b", buffering=0) as file:
        file.seek(-1000, 2)
        file.write(b"broken")

async def main():
    config = ImagesConfig(registries_conf=place / "registries.conf", policy=place / "policy.json")
    async with ImageStore(config, BinariesConfig(), state=place / "state", runtime=place / "run") as store:
        image = await store.ensure("web:1", policy="IfNotPresent")
        other = await store.ensure("web:2", policy="IfNotPresent")
        assert [each.state async for each in store.verify(store.list())] == ["ok", "ok", "ok"]
        flip(next(place.glob(f"state/layers/{image.layers[0].partition(':')[2]}*")))
        assert {each.state async for each in store.verify(store.list())} == {"ok", "mended"}
        await store.untag(image, "docker.io/library/web:1")
        await store.remove(image)
        await store.settled()
        await store.ensure("web:1", policy="IfNotPresent")
        await store.remove(other)
    print(changes)

sys.addaudithook(watch)
asyncio.run(main())
"""
# Of all changes so many are tried, spread evenly.
TRIED = 16
ALL: list[int] = []  # their number, once it is known


@pytest.fixture
def place(tmp_path: Path, registry: Registry) -> Place:
    """Its registry has two images with a layer in common."""
    layout = Layout(tmp_path / "layout")
    common, *own = [archive([member(name, content=name.encode() * 5000)]) for name in ("common", "one", "two")]
    for number, layer in enumerate(own, 1):
        push(registry, layout.tag(layout.image([common, layer], config={"User": str(number)})), f"library/web:{number}")
    return Place(tmp_path / "place", registry.address)


def lived(place: Place, at: int) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", LIFE, str(place.directory), str(at)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=patient(60))


async def whole(store: ImageStore, image: Image, place: Place) -> None:
    root = place.root()
    await store.mount_rootfs(image, **root)
    own = "one" if image.config.user == "1" else "two"
    files = {path.name: path.read_text() for path in root["target"].iterdir()}
    await store.unmount_rootfs(root["target"])
    assert files == {name: name * 5000 for name in ("common", own)}


async def is_right(place: Place) -> None:
    """What is there is whole, nothing is left over, and everything can be done."""
    async with place.store() as store:
        assert place.files() <= {".index.json.tmp", ".uses.json.tmp"}  # which the next write takes
        named = {layer.partition(":")[2] for image in store.list() for layer in image.layers}
        assert {name.partition(".")[0] for name in place.layers()} == named
        assert {each.state async for each in store.verify(store.list())} <= {"ok", "noted", "mended"}
        for image in store.list():
            await whole(store, image, place)
        for name in ("web:1", "web:2"):
            await whole(store, await store.ensure(name, policy="IfNotPresent"), place)
        for image in store.list():
            await store.remove(image)
        await store.settled()
        assert place.layers() == set()


@pytest.mark.parametrize("part", range(TRIED))
def test_kill_9_at_any_change_of_a_file(place: Place, part: int) -> None:
    if not ALL:
        told = lived(Place(place.directory.with_name("first"), place.address), 0)
        ALL.append(int(told.stdout))
    at = 1 + part * (ALL[0] - 1) // (TRIED - 1)
    ended = lived(place, at)
    assert ended.returncode in (-signal.SIGKILL, 0), ended.stderr  # a few changes come or go with the time
    asyncio.run(is_right(place))
    assert place.files() == set()
    assert (place.mounted(), place.loops()) == ([], [])
