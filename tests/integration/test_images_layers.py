"""What a root looks like: the same as umoci unpacks it, in both forms of layers; shared, counted, and nothing left."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hostpod.host.mount import unmount
from hostpod.host.store import remove_tree
from hostpod.images import Image, ImageError, ImageStore, read_user_files
from hostpod.kube.quantity import Quantity
from lab.registry import Registry
from tests.integration.image_kit import Layout, Place, RootPlace, push, tree, until
from tests.unit.images.archives import archive, directory, member

pytestmark = pytest.mark.integration

FORMS = pytest.mark.parametrize("form", [pytest.param("squashfs", marks=pytest.mark.loop), "directory"])
LONG = f"{'l' * 120}/{'m' * 120}"
CAPABILITY = "\x01\x00\x00\x02\x00\x04\x00\x00" + "\x00" * 12  # cap_net_bind_service=ep


@pytest.fixture
def place(tmp_path: Path, registry: Registry) -> Iterator[Place]:
    made = Place(tmp_path / "place", registry.address)
    yield made
    left = made.mounted()
    for target in reversed(left):
        unmount(target)
    assert not left
    assert not made.loops()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


def everything() -> list[bytes]:
    """Layers with every kind of file, and with all that a layer can do to those below it."""
    xattrs = {"SCHILY.xattr.user.note": "lower", "SCHILY.xattr.security.capability": CAPABILITY}
    lower = [
        directory("bin"),
        member("bin/tool", content=b"tool" * 5000, mode=0o4755, uid=0, gid=7),
        member("bin/same", tarfile.LNKTYPE, linkname="bin/tool"),
        member("bin/server", content=b"s", mode=0o755, pax_headers=xattrs),
        member("bin/sh", tarfile.SYMTYPE, linkname="/bin/tool"),
        directory("dev", mode=0o711, uid=3),
        member("dev/null", tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=3),
        member("dev/disk", tarfile.BLKTYPE, mode=0o660, devmajor=8, devminor=1),
        member("dev/fifo", tarfile.FIFOTYPE, mode=0o600),
        directory("tmp", mode=0o1777),
        directory("gone"),
        member("gone/file"),
        directory("hidden"),
        member("hidden/lower"),
        directory("hidden/sub"),
        member("hidden/sub/lower"),
        directory("replaced"),
        member("replaced/lower"),
        member("file-becomes-directory"),
        directory("directory-becomes-file"),
        member("directory-becomes-file/lower"),
        member("empty"),
        member("odd name\n\t\\ é", content=b"odd"),
        member(LONG, content=b"long"),
        member("owned", uid=3_000_000, gid=65_535, mode=0o000, content=b"x"),
        member("big", content=bytes(range(256)) * 3000),
    ]
    upper = [
        directory("bin"),
        member("bin/.wh.sh"),
        member("bin/tool", content=b"newer", mode=0o755),
        member("hidden/upper", content=b"1"),
        directory("hidden", mode=0o750),
        member("hidden/.wh..wh..opq"),
        member(".wh.gone"),
        member(".wh.replaced"),
        directory("replaced", mode=0o700),
        member("replaced/upper"),
        directory("file-becomes-directory"),
        member("file-becomes-directory/inner"),
        member("directory-becomes-file", content=b"now a file"),
        directory("tmp", mode=0o1777),
    ]
    return [
        archive(lower),
        archive(upper),
        archive([member("empty", content=b"not any more")], form=tarfile.GNU_FORMAT),
    ]


def unpacked(image: Path, target: Path) -> Path:
    """The image's root as umoci makes it."""
    subprocess.run(
        ["umoci", "raw", "unpack", "--image", f"{image}:latest", str(target)], check=True, capture_output=True
    )
    return target


@FORMS
@pytest.mark.everywhere
def test_a_root_is_what_umoci_unpacks(
    place: Place, layout: Layout, registry: Registry, tmp_path: Path, form: str
) -> None:
    if shutil.which("umoci") is None:
        pytest.skip("umoci is not installed")
    push(registry, layout.tag(layout.image(everything())), "everything:1")
    expected = tree(unpacked(layout.directory, tmp_path / "unpacked"))

    async def work() -> None:
        async with place.store(layers=form) as store:
            image = await store.ensure(f"{registry.address}/everything:1", policy="IfNotPresent")
            root = place.root()
            await store.mount_rootfs(image, **root)
            seen = tree(root["target"])
            await store.unmount_rootfs(root["target"])
        assert differences(expected, seen) == {}
        assert all(name.endswith(".squashfs") == (form == "squashfs") for name in place.layers())

    asyncio.run(work())


def differences(expected: Mapping[str, tuple[Any, ...]], seen: Mapping[str, tuple[Any, ...]]) -> dict[str, object]:
    return {
        name: (expected.get(name), seen.get(name))
        for name in expected.keys() | seen
        if expected.get(name) != seen.get(name)
    }


@FORMS
def test_the_later_of_two_entries_of_an_archive_counts(
    place: Place, layout: Layout, registry: Registry, form: str
) -> None:
    layer = archive(
        [member("f", content=b"first"), member("g"), member("f", content=b"second"), member("g/h"), directory("g")]
    )
    push(registry, layout.tag(layout.image([layer])), "repeated:1")

    async def work() -> None:
        async with place.store(layers=form) as store:
            image = await store.ensure(f"{registry.address}/repeated:1", policy="IfNotPresent")
            root = place.root()
            await store.mount_rootfs(image, **root)
            assert (root["target"] / "f").read_bytes() == b"second"
            assert (root["target"] / "g").is_dir()
            await store.unmount_rootfs(root["target"])

    asyncio.run(work())


@pytest.mark.parametrize(
    "trap",
    [
        [member("link", tarfile.SYMTYPE, linkname="/etc"), member("link/hostpod-was-here", content=b"x")],
        [member("link", tarfile.SYMTYPE, linkname="../../../../etc"), member("link/hostpod-was-here", content=b"x")],
        [member("link", tarfile.LNKTYPE, linkname="/etc/passwd"), member("link", content=b"x")],
        [member("/etc/hostpod-was-here", content=b"x")],
        [member("../../../../../etc/hostpod-was-here", content=b"x")],
        [member("link", tarfile.LNKTYPE, linkname="../../../../../etc/passwd"), member("link", content=b"x")],
        [member("a", tarfile.SYMTYPE, linkname="/etc"), member("b", tarfile.LNKTYPE, linkname="a/passwd")],
        [directory("a"), member("a/b", tarfile.SYMTYPE, linkname="/etc"), directory("a/b/hostpod-was-here")],
        [member("x", pax_headers={"path": "../../etc/hostpod-was-here"})],
    ],
)
@FORMS
def test_an_archive_cannot_write_outside(
    place: Place, layout: Layout, registry: Registry, form: str, trap: list[tuple[tarfile.TarInfo, bytes]]
) -> None:
    push(registry, layout.tag(layout.image([archive(trap)])), "trap:1")
    before = Path("/etc/passwd").read_bytes()

    async def work() -> None:
        async with place.store(layers=form) as store:
            await store.ensure(f"{registry.address}/trap:1", policy="IfNotPresent")

    try:
        asyncio.run(work())
    except ImageError:
        assert place.layers() == set()
    assert not Path("/etc/hostpod-was-here").exists()
    assert Path("/etc/passwd").read_bytes() == before


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"max_layer_size": Quantity.parse("4Mi")},
            r"a layer unpacks to more than 4194304 bytes \(images.maxLayerSize\)",
        ),
        ({"max_layer_files": 50}, r"a layer has more than 50 files \(images.maxLayerFiles\)"),
    ],
)
@FORMS
def test_a_small_blob_cannot_become_a_layer_that_nothing_has_room_for(
    place: Place, layout: Layout, registry: Registry, form: str, settings: dict[str, Any], words: str
) -> None:
    bomb = [member("zeros", content=bytes(30_000_000)), *(member(f"f{number}") for number in range(100))]
    push(registry, layout.tag(layout.image([archive([member("small")]), archive(bomb)])), "bomb:1")

    async def work() -> None:
        async with place.store(layers=form, **settings) as store:
            with pytest.raises(ImageError, match=f'^cannot pull "{registry.address}/bomb:1": {words}$'):
                await store.ensure(f"{registry.address}/bomb:1", policy="IfNotPresent")
            assert place.files() == set()
            assert store.list() == ()

    asyncio.run(work())


async def pulled(store: ImageStore, layout: Layout, registry: Registry, *, layers: int = 3) -> Image:
    """An image of this many layers, each with a file of its own and /etc/passwd."""
    files = [
        archive([member(f"f{number}", content=b"1"), member("etc/passwd", content=b"root")]) for number in range(layers)
    ]
    push(registry, layout.tag(layout.image(files)), f"of{layers}:1")
    return await store.ensure(f"{registry.address}/of{layers}:1", policy="IfNotPresent")


@FORMS
@pytest.mark.everywhere
def test_layers_are_mounted_once_and_go_with_their_last_user(
    place: Place, layout: Layout, registry: Registry, form: str
) -> None:
    async def work() -> None:
        async with place.store(layers=form) as store:
            image = await pulled(store, layout, registry)
            roots = [place.root(), place.root()]
            for root in roots:
                await store.mount_rootfs(image, **root)
            assert len(place.mounted()) == 3 + 2
            (roots[0]["target"] / "f0").write_bytes(b"changed")
            assert (roots[1]["target"] / "f0").read_bytes() == b"1"
            await store.unmount_rootfs(roots[0]["target"])
            await asyncio.sleep(0.1)
            assert (roots[1]["target"] / "f1").read_bytes() == b"1"
            assert len(place.mounted()) == 3 + 1
            await store.unmount_rootfs(roots[1]["target"])
            await store.unmount_rootfs(roots[1]["target"])
            await until(lambda: not place.mounted())

    asyncio.run(work())


def test_a_second_root_of_mounted_layers_costs_one_mount(place: Place, layout: Layout, registry: Registry) -> None:
    async def work() -> None:
        async with place.store() as store:
            image = await pulled(store, layout, registry)
            roots = [place.root() for _ in range(6)]
            await store.mount_rootfs(image, **roots[0])
            loops = place.loops()
            for root in roots[1:]:
                before = set(place.mounted())
                await store.mount_rootfs(image, **root)
                assert set(place.mounted()) - before == {root["target"]}
            assert place.loops() == loops
            for root in roots:
                await store.unmount_rootfs(root["target"])

    asyncio.run(work())


@FORMS
def test_users_are_seen_again_after_a_restart(
    tmp_path: Path, place: Place, layout: Layout, registry: Registry, form: str
) -> None:
    (tmp_path / "link").symlink_to(place.directory)  # as /var/run is one
    through_link = Place(tmp_path / "link", registry.address)
    root, other = through_link.root(), through_link.root()

    async def first() -> None:
        async with through_link.store(layers=form) as store:
            await store.mount_rootfs(await pulled(store, layout, registry), **root)

    async def second() -> None:
        async with through_link.store(layers=form) as store:
            (image,) = store.list()
            with pytest.raises(ImageError, match="are made of it"):
                await store.remove(image)
            await store.mount_rootfs(image, **other)
            await store.unmount_rootfs(other["target"])
            await asyncio.sleep(0.1)
            assert (root["target"] / "f2").exists()
            assert len(place.mounted()) == 3 + 1
            await store.unmount_rootfs(root["target"])

    asyncio.run(first())
    asyncio.run(second())
    assert place.mounted() == []


@FORMS
@pytest.mark.parametrize("layers", [0, 1, 3])
def test_the_files_of_an_image_without_a_layer_above_are_in_use_until_they_are_unmounted(
    place: Place, layout: Layout, registry: Registry, form: str, layers: int
) -> None:
    target = place.root()["target"]
    archives = [archive([member(f"f{number}")]) for number in range(layers)]
    push(registry, layout.tag(layout.image(archives)), "files:1")

    async def first() -> None:
        async with place.store(layers=form) as store:
            image = await store.ensure(f"{registry.address}/files:1", policy="IfNotPresent")
            await store.mount_volume(image, target=target)
            assert sorted(path.name for path in target.iterdir()) == [f"f{number}" for number in range(layers)]
            with pytest.raises(OSError, match="Read-only file system"):
                (target / "x").touch()

    async def second() -> None:
        async with place.store(layers=form) as store:
            (image,) = store.list()
            assert store.mounted(target) == image.id
            with pytest.raises(ImageError, match="are made of it"):
                await store.remove(image)
            await store.unmount_rootfs(target)
            assert store.mounted(target) is None
            await store.remove(image)

    asyncio.run(first())
    asyncio.run(second())


def test_layers_that_nobody_uses_are_unmounted_at_the_start(place: Place, layout: Layout, registry: Registry) -> None:
    root = place.root()

    async def first() -> None:
        async with place.store() as store:
            await store.mount_rootfs(await pulled(store, layout, registry), **root)

    async def second() -> None:
        async with place.store():
            assert place.mounted() == []

    asyncio.run(first())
    unmount(root["target"])
    assert len(place.mounted()) == 3
    asyncio.run(second())


def test_many_roots_come_and_go_at_once(place: Place, layout: Layout, registry: Registry) -> None:
    async def cycle(store: ImageStore, image: Image, root: RootPlace) -> None:
        await store.mount_rootfs(image, **root)
        assert sorted(path.name for path in root["target"].iterdir()) == ["etc", "f0", "f1", "f2"]
        await store.unmount_rootfs(root["target"])

    async def work() -> None:
        async with place.store() as store:
            image = await pulled(store, layout, registry)
            for _ in range(5):
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(8):
                        tasks.create_task(cycle(store, image, place.root()))

    asyncio.run(work())


def test_a_start_that_is_cancelled_leaves_nothing_mounted(place: Place, layout: Layout, registry: Registry) -> None:
    async def work() -> None:
        async with place.store() as store:
            image = await pulled(store, layout, registry, layers=12)
            for pause in (0.0, 0.001, 0.003, 0.01):
                root = place.root()
                starting = asyncio.ensure_future(store.mount_rootfs(image, **root))
                await asyncio.sleep(pause)
                starting.cancel()
                await asyncio.wait([starting])
                await store.unmount_rootfs(root["target"])
                await until(lambda: not place.mounted())

    asyncio.run(work())


def test_an_image_may_have_very_many_layers(place: Place, layout: Layout, registry: Registry) -> None:
    async def work() -> None:
        async with place.store() as store:
            image = await pulled(store, layout, registry, layers=120)
            root = place.root()
            await store.mount_rootfs(image, **root)
            assert len(list(root["target"].iterdir())) == 121
            await store.unmount_rootfs(root["target"])

    asyncio.run(work())


def test_a_root_that_cannot_be_mounted_leaves_nothing(place: Place, layout: Layout, registry: Registry) -> None:
    async def work() -> None:
        async with place.store() as store:
            image = await pulled(store, layout, registry)
            root = place.root() | {"work": place.directory / "nowhere"}
            with pytest.raises(ImageError, match="cannot mount overlay on") as caught:
                await store.mount_rootfs(image, **root)
            assert caught.value.reason == "CreateContainerError"

    asyncio.run(work())


def test_a_layer_that_somebody_removed_is_missed(place: Place, layout: Layout, registry: Registry) -> None:
    async def work() -> None:
        async with place.store() as store:
            image = await pulled(store, layout, registry)
            remove_tree(next((place.state / "layers").iterdir()))
            with pytest.raises(ImageError, match="no longer in the store"):
                await store.mount_rootfs(image, **place.root())
            assert await pulled(store, layout, registry) == image
            assert len(place.layers()) == 3
            remove_tree(next((place.state / "layers").iterdir()))
        async with place.store() as store:
            assert store.list() == ()
            assert place.layers() == set()
            assert await pulled(store, layout, registry) == image

    asyncio.run(work())


@pytest.mark.loop
def test_layers_change_form_with_the_setting(place: Place, layout: Layout, registry: Registry) -> None:
    async def work(form: str) -> Image:
        async with place.store(layers=form) as store:
            image = await pulled(store, layout, registry)
            root = place.root()
            await store.mount_rootfs(image, **root)
            assert (root["target"] / "f0").exists()
            await store.unmount_rootfs(root["target"])
            return image

    assert asyncio.run(work("squashfs")) == asyncio.run(work("directory"))


def test_user_files_are_read_inside_the_root_only(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    assert read_user_files(tmp_path) == ("", "")
    (etc / "group").write_text("staff:x:7:\n")
    (etc / "passwd").symlink_to("/real/../../accounts")
    assert read_user_files(tmp_path) == ("", "staff:x:7:\n")
    (tmp_path / "accounts").write_text("web:x:33:33::/:\n")
    (tmp_path / "real").mkdir()
    assert read_user_files(tmp_path)[0] == "web:x:33:33::/:\n"
