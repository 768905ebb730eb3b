"""Images come from a real registry: names, policies, forms of manifests and layers, archives, refusals."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import TypeVar

import pytest

from hostpod.images import Image, ImageError, ImageStore, Progress
from hostpod.images.image import PullPolicy
from hostpod.images.manifest import digest_of
from lab.registry import Registry
from tests.integration.image_kit import ARCHITECTURE, Layout, Place, push, until
from tests.unit.images.archives import archive, directory, member

pytestmark = pytest.mark.integration
T = TypeVar("T")


@pytest.fixture
def place(tmp_path: Path, registry: Registry) -> Place:
    return Place(tmp_path / "place", registry.address)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


def ensured(place: Place, reference: str, *, policy: PullPolicy = "IfNotPresent") -> Image:
    async def work(store: ImageStore) -> Image:
        return await store.ensure(reference, policy=policy)

    return place.run(work)


def refused(place: Place, reference: str, *, pull: PullPolicy = "IfNotPresent", **settings: object) -> ImageError:
    async def work(store: ImageStore) -> None:
        await store.ensure(reference, policy=pull)

    with pytest.raises(ImageError) as caught:
        place.run(work, **settings)
    assert place.files() == set()
    return caught.value


def content_of(place: Place, image: Image) -> dict[str, bytes]:
    """The regular files of an image's root."""

    async def work(store: ImageStore) -> dict[str, bytes]:
        root = place.root()
        await store.mount_rootfs(image, **root)
        files = {str(p.relative_to(root["target"])): p.read_bytes() for p in root["target"].rglob("*") if p.is_file()}
        await store.unmount_rootfs(root["target"])
        return files

    return place.run(work)


@pytest.mark.everywhere
def test_a_short_name_comes_from_the_stand_in_of_docker_io(place: Place, registry: Registry) -> None:
    image = ensured(place, "busybox")
    raw = subprocess.run(
        ["skopeo", "inspect", "--tls-verify=false", "--raw", f"docker://{registry.address}/library/busybox:latest"],
        capture_output=True,
        check=True,
    ).stdout
    assert image.references == ("docker.io/library/busybox:latest",)
    assert image.repo_digests == (f"docker.io/library/busybox@{digest_of(raw)}",)
    assert image.id == json.loads(raw)["config"]["digest"]
    assert image.config.cmd == ("sh",)
    assert image.size_bytes > 1_000_000
    assert "bin/busybox" in content_of(place, image)


def test_an_image_that_is_here_asks_no_registry(place: Place) -> None:
    async def work(store: ImageStore) -> None:
        first = await store.ensure("busybox", policy="IfNotPresent")
        place.answer_from("127.0.0.1:1")
        for name in ("busybox", "docker.io/library/busybox:latest", first.repo_digests[0], first.id):
            assert await store.ensure(name, policy="IfNotPresent") is first
            assert await store.ensure(name, policy="Never") is first

    place.run(work)


def test_what_was_pulled_is_here_after_a_restart(place: Place) -> None:
    image = ensured(place, "busybox")
    place.answer_from("127.0.0.1:1")
    assert ensured(place, "busybox") == image
    assert place.run(_list) == (image,)


async def _list(store: ImageStore) -> tuple[Image, ...]:
    return store.list()


def test_always_asks_the_registry_and_fetches_what_has_changed(
    place: Place, layout: Layout, registry: Registry
) -> None:
    push(registry, layout.tag(layout.image([archive([member("v", content=b"1")])])), "always:v")
    first = ensured(place, f"{registry.address}/always:v", policy="Always")
    assert ensured(place, f"{registry.address}/always:v", policy="Always") == first
    push(registry, layout.tag(layout.image([archive([member("v", content=b"2")])])), "always:v")
    assert ensured(place, f"{registry.address}/always:v") == first
    second = ensured(place, f"{registry.address}/always:v", policy="Always")
    assert content_of(place, second) == {"v": b"2"}
    old, new = sorted(place.run(_list), key=lambda image: len(image.references))
    assert (old.id, old.references, new.references) == (first.id, (), first.references)


def test_always_needs_the_registry(place: Place) -> None:
    ensured(place, "busybox")
    place.answer_from("127.0.0.1:1")
    error = refused(place, "busybox", pull="Always")
    assert error.reason == "ErrImagePull"
    assert "connection refused" in str(error)


def test_docker_manifests_keep_their_id(place: Place, layout: Layout, registry: Registry) -> None:
    config = {
        "Entrypoint": ["/a"],
        "Cmd": ["b"],
        "Env": ["A=1"],
        "User": "7",
        "StopSignal": "SIGINT",
        "WorkingDir": "/w",
    }
    push(
        registry,
        layout.tag(layout.image([archive([member("f", content=b"1")])], config=config)),
        "docker:1",
        "--format",
        "v2s2",
    )
    name = f"{registry.address}/docker:1"
    raw = subprocess.run(
        ["skopeo", "inspect", "--tls-verify=false", "--raw", f"docker://{name}"], capture_output=True, check=True
    ).stdout
    assert json.loads(raw)["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    image = ensured(place, name)
    assert (image.id, image.repo_digests) == (
        json.loads(raw)["config"]["digest"],
        (f"{registry.address}/docker@{digest_of(raw)}",),
    )
    assert (image.config.entrypoint, image.config.cmd, image.config.user) == (("/a",), ("b",), "7")
    assert content_of(place, image) == {"f": b"1"}


@pytest.mark.parametrize("form", [[], ["--format", "v2s2"]])
def test_an_index_gives_the_image_for_this_platform(
    place: Place, layout: Layout, registry: Registry, form: list[str]
) -> None:
    here = layout.image([archive([member("here")])])
    there = layout.image([archive([member("there")])], config={"User": "there"})
    index = layout.index({"linux/mips": there, f"linux/{ARCHITECTURE}": here, "unknown/unknown": there})
    push(registry, layout.tag(index), "index:1", "--all", *form)
    image = ensured(place, f"{registry.address}/index:1")
    assert set(content_of(place, image)) == {"here"}
    (top,) = image.repo_digests
    if not form:
        assert top == f"{registry.address}/index@{index['digest']}"
    assert ensured(place, top) == image
    assert ensured(place, f"{registry.address}/index:1", policy="Always") == image


def test_an_image_can_be_asked_for_by_digest(place: Place, layout: Layout, registry: Registry) -> None:
    manifest = layout.image([archive([member("f", content=b"1")])])
    push(registry, layout.tag(manifest), "pinned:1")
    pinned = f"{registry.address}/pinned@{manifest['digest']}"
    image = ensured(place, f"{registry.address}/pinned:ignored@{manifest['digest']}")
    assert (image.references, image.repo_digests) == ((), (pinned,))
    assert ensured(place, pinned, policy="Never") == image
    tagged = ensured(place, f"{registry.address}/pinned:1")
    assert (tagged.id, tagged.references) == (image.id, (f"{registry.address}/pinned:1",))


def test_layers_may_be_packed_in_any_way(place: Place, layout: Layout, registry: Registry) -> None:
    layers = [archive([member(name, content=name.encode())]) for name in ("gzip", "zstd", "none")]
    push(
        registry,
        layout.tag(layout.image(layers, compression=("gzip", "zstd", "none"))),
        "packed:1",
        "--dest-oci-accept-uncompressed-layers",
    )
    image = ensured(place, f"{registry.address}/packed:1")
    assert content_of(place, image) == {"gzip": b"gzip", "zstd": b"zstd", "none": b"none"}


def test_a_layer_that_comes_twice_and_an_image_without_any(place: Place, layout: Layout, registry: Registry) -> None:
    one, two = archive([member("a", content=b"1")]), archive([member(".wh.a"), member("b")])
    push(registry, layout.tag(layout.image([one, two, one])), "twice:1")
    push(registry, layout.tag(layout.image([])), "empty:1")
    image = ensured(place, f"{registry.address}/twice:1")
    assert len(image.layers) == 3
    assert content_of(place, image) == {"a": b"1", "b": b""}
    assert content_of(place, ensured(place, f"{registry.address}/empty:1")) == {}


def test_layers_that_are_here_are_not_fetched_again(
    place: Place, layout: Layout, registry: Registry, tmp_path: Path
) -> None:
    base = archive([member("base", content=bytes(300_000))])
    push(registry, layout.tag(layout.image([base])), "base:1")
    push(registry, layout.tag(layout.image([base, archive([member("more")])])), "more:1")
    ensured(place, f"{registry.address}/base:1")
    told: list[Progress] = []

    async def work(store: ImageStore) -> Image:
        return await store.ensure(f"{registry.address}/more:1", policy="IfNotPresent", progress=told.append)

    image = place.run(work)
    assert told[-1].layers_done == told[-1].layers_total == 2
    assert 0 < told[-1].bytes_total < 1000
    assert set(content_of(place, image)) == {"base", "more"}
    assert len(place.layers()) == 2


def test_two_who_want_one_image_share_its_pull(place: Place) -> None:
    async def work(store: ImageStore) -> None:
        async with asyncio.TaskGroup() as tasks:
            waiting = [tasks.create_task(store.ensure("nginx", policy="IfNotPresent")) for _ in range(3)]
            pulls = await until(place.pulls)
            waiting[0].cancel()
            images = [await each for each in waiting[1:]]
        assert images[0] is images[1]
        assert len(pulls) == 1

    place.run(work)


def test_a_pull_that_nobody_waits_for_ends(place: Place) -> None:
    async def work(store: ImageStore) -> None:
        waiting = asyncio.ensure_future(store.ensure("nginx", policy="IfNotPresent"))
        await until(place.pulls)
        waiting.cancel()
        await asyncio.wait([waiting])
        again = await store.ensure("nginx", policy="IfNotPresent")
        assert again.references

    place.run(work)
    assert place.files() == set()


@pytest.mark.everywhere
def test_docker_and_oci_archives_are_loaded(place: Place, layout: Layout, tmp_path: Path) -> None:
    layout.tag(layout.image([archive([member("f", content=b"1")])], config={"Cmd": ["x"]}))
    docker, oci = tmp_path / "dock:er.tar", tmp_path / "oci.tar"
    for target in (f"docker-archive:{tmp_path}/docker.tar:example/a:1", f"oci-archive:{oci}:b:2"):
        subprocess.run(
            ["skopeo", "--insecure-policy", "copy", "-q", f"oci:{layout.directory}:latest", target], check=True
        )
    (tmp_path / "docker.tar").rename(docker)
    subprocess.run(["gzip", "-k", oci], check=True)

    async def work(store: ImageStore) -> list[Image]:
        return [image for path in (docker, oci, tmp_path / "oci.tar.gz") for image in await store.load(path)]

    images = place.run(work)
    names = ("docker.io/example/a:1", "docker.io/library/b:2")
    assert [image.references for image in images] == [names[:1], names, names]  # the same image in all of them
    for image in images:
        assert content_of(place, image) == {"f": b"1"}
        assert image.config.cmd == ("x",)
    assert place.files() == set()


def test_an_archive_that_is_none_is_refused(place: Place, tmp_path: Path) -> None:
    junk = tmp_path / "junk.tar"
    junk.write_bytes(b"junk" * 1000)

    async def work(store: ImageStore) -> None:
        await store.load(junk)

    with pytest.raises(ImageError, match=r"cannot load the archive: it is no tar archive: give a"):
        place.run(work)


@pytest.mark.parametrize(
    ("reference", "policy", "reason", "message"),
    [
        (
            "busybox:nope",
            "IfNotPresent",
            "ErrImagePull",
            'cannot pull "docker.io/library/busybox:nope": manifest unknown',
        ),
        ("no/such", "Always", "ErrImagePull", 'cannot pull "docker.io/no/such:latest": manifest unknown'),
        ("busybox", "Never", "ErrImageNeverPull", 'image "busybox" is not on this host and imagePullPolicy is Never'),
        ("BUSY", "Never", "InvalidImageName", 'invalid image name "BUSY": "BUSY" has upper case letters: '),
        (f"sha256:{'0' * 64}", "IfNotPresent", "ErrImagePull", "no image on this host has the id"),
    ],
)
def test_refusals_have_the_kubelets_reason_and_few_words(
    place: Place, reference: str, policy: PullPolicy, reason: str, message: str
) -> None:
    error = refused(place, reference, pull=policy)
    assert (error.reason, str(error)[: len(message)]) == (reason, message)
    assert len(str(error)) < 200


def test_a_signature_policy_is_asked(place: Place, tmp_path: Path) -> None:
    policy = tmp_path / "reject.json"
    policy.write_text('{"default": [{"type": "reject"}]}')
    assert "is rejected by policy" in str(refused(place, "busybox", policy=policy))


def test_a_layer_that_is_not_what_the_configuration_says_is_refused(
    place: Place, layout: Layout, registry: Registry
) -> None:
    lie = digest_of(b"something else")
    push(registry, layout.tag(layout.image([archive([member("f")])], diff_ids=[lie])), "lie:1")
    error = refused(place, f"{registry.address}/lie:1")
    assert str(error).endswith("the image's layers are not those that its configuration names")
    assert place.run(_list) == ()


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (b"no archive at all".ljust(2048, b"."), "a layer cannot be read: it is no tar archive"),
        (archive([member("../../etc/evil", content=b"x")]), "an entry leads out of the image"),
        (archive([member("a", b"1", linkname="nowhere")]), "tar2sqfs: Resolving hard link"),
        (archive([member("f", content=bytes(2000))])[:1600], "the archive ends in the middle of an entry"),
    ],
)
def test_a_layer_that_is_no_layer_is_refused(
    place: Place, layout: Layout, registry: Registry, layer: bytes, message: str
) -> None:
    push(registry, layout.tag(layout.image([layer])), "bad:1")
    assert message in str(refused(place, f"{registry.address}/bad:1"))


def test_images_are_removed_and_shared_layers_stay(place: Place, layout: Layout, registry: Registry) -> None:
    base = archive([directory("d"), member("d/base")])
    for name, layers in (("one:1", [base, archive([member("one")])]), ("two:1", [base, archive([member("two")])])):
        push(registry, layout.tag(layout.image(layers)), name)

    async def work(store: ImageStore) -> None:
        one = await store.ensure(f"{registry.address}/one:1", policy="IfNotPresent")
        two = await store.ensure(f"{registry.address}/two:1", policy="IfNotPresent")
        root = place.root()
        await store.mount_rootfs(one, **root)
        with pytest.raises(ImageError, match=r'cannot remove ".*/one:1": containers or volumes are made of it'):
            await store.remove(one)
        await store.unmount_rootfs(root["target"])
        assert len(place.layers()) == 3
        await store.remove(one)
        assert len(place.layers()) == 2
        assert store.list() == (two,)
        await store.remove(two)
        assert (place.layers(), store.list()) == (set(), ())
        assert list((place.state / "blobs/sha256").iterdir()) == []

    place.run(work)
    assert place.files() == set()


def test_the_end_of_a_pull_is_told(place: Place) -> None:
    told: list[Progress] = []

    async def work(store: ImageStore) -> None:
        await store.ensure("nginx", policy="IfNotPresent", progress=told.append)

    place.run(work)
    assert told[0].phase in ("resolving", "fetching")
    last = told[-1]
    assert (last.phase, last.layers_done, last.bytes_done) == ("done", last.layers_total, last.bytes_total)
    assert last.bytes_total > 1_000_000
