"""A large image from a registry on loopback: hostpod, podman and containerd pull it in turns, each into empty storage.

A pull is the command that a person types, from its start to its end; the image is ready to run then.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import threading
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import big_image
from bench.containerd import Containerd
from bench.figures import Figure
from bench.podman import Podman
from bench.pods import command_ms
from hostpod.config import BinariesConfig, ImagesConfig
from hostpod.images import Image, ImageStore
from lab.instance import Instance
from lab.place import CACHE, command
from lab.registry import Registry

REPOSITORY = "bench/big"
MEMORY_EVERY_S = 0.01
_MANIFESTS = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What is measured: an instance that does not run yet, the registry, and peers where there are any."""

    instance: Instance
    registry: Registry
    settings: ImagesConfig
    directory: Path
    podman: Podman | None
    containerd: Containerd | None


def figures(subject: Subject, *, samples: int) -> Iterator[Figure]:
    """Figures of pulls, of what is there already, and of removal."""
    layout = big_image.layout(CACHE / "bench-image")
    for tag, name in (("1", "latest"), ("2", "changed")):
        _push(layout, name, subject.registry, tag)
    name = f"{subject.registry.address}/{REPOSITORY}:1"
    pulls, memory, podman, containerd = [], [], [], []
    for _ in range(samples):
        seconds, peak = _pulled(subject.instance, name)
        pulls.append(seconds)
        memory.append(peak)
        if subject.podman:
            podman.append(subject.podman.pull(name))
        if subject.containerd:
            containerd.append(subject.containerd.pull(name))
    what = "image pull: 10 layers, 30,000 files, 300 MB"
    yield _figure("pull_s", what, "s", pulls)
    yield _figure("pull_memory_mb", "… daemon and children, proportional, most at once", "MB", memory, at_most=150)
    for peer, their, at_most in (("podman", podman, 0.3), ("containerd", containerd, 0.35)):
        if their:
            yield _figure(f"pull_{peer}_s", f"… by {peer}", "s", their)
            ratios = [mine / median(their) for mine in pulls]
            yield _figure(f"pull_{peer}_ratio", f"… hostpod's time in {peer}'s", "x", ratios, at_most=at_most)
    rounds = [asyncio.run(_round(subject, number, name)) for number in range(samples)]
    for key, text, most in (
        ("pull_small_ms", "pull, all but one small layer present, over the registry's time", 150.0),
        ("pull_second_pod_ms", "root of a second pod of the image", 5.0),
        ("pull_second_pod_kb", "… what it takes on disk: empty directories", 32.0),
        ("pull_removal_ms", "the image's removal", 50.0),
        ("pull_removal_freed_ms", "… and until its disk is free", None),
    ):
        unit = key.rpartition("_")[2].replace("kb", "KB")
        yield _figure(key, text, unit, [each[key] for each in rounds], at_most=most)


def _push(layout: Path, name: str, registry: Registry, tag: str) -> None:
    target = f"docker://{registry.address}/{REPOSITORY}:{tag}"
    copy = ["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"]
    command([*copy, f"oci:{layout}:{name}", target], timeout_s=300)


def _pulled(instance: Instance, name: str) -> tuple[float, float]:
    """Seconds of `hostpod image pull` by a daemon that has nothing, and the megabytes that it and its children took."""
    shutil.rmtree(instance.state)
    instance.state.mkdir()
    instance.start()
    assert instance.process is not None
    try:
        with _watched(instance.process.pid) as peak_bytes:
            seconds = command_ms(instance, "image", "pull", name) / 1000
        return seconds, max(peak_bytes) / 1e6
    finally:
        instance.stop()


async def _round(subject: Subject, number: int, name: str) -> dict[str, float]:
    """By a store in this process: the image, another that differs in a small layer, two roots, and removal."""
    place = subject.directory / f"store{number}"
    (place / "state").mkdir(parents=True)
    found: dict[str, float] = {}
    store = ImageStore(subject.settings, BinariesConfig(), state=place / "state", runtime=place / "run")
    async with store:
        image = await store.ensure(name, policy="IfNotPresent")
        other = f"{name[:-1]}2"
        bare_ms = _bare_ms(subject.registry, "2")
        found["pull_small_ms"] = await _ms(lambda: store.ensure(other, policy="IfNotPresent")) - bare_ms
        first = await _root(store, image, place / "first")
        await asyncio.to_thread(os.sync)  # else it waits for what the pulls have written
        disk = _used_bytes(place)
        found["pull_second_pod_ms"] = await _ms(lambda: _root(store, image, place / "second"))
        found["pull_second_pod_kb"] = (_used_bytes(place) - disk) / 1000
        for target in (first, place / "second/target"):
            await store.unmount_rootfs(target)
        changed = store.find(other)
        assert changed is not None
        await store.remove(changed)
        began = time.monotonic()
        found["pull_removal_ms"] = await _ms(lambda: store.remove(image))
        await store.settled()
        found["pull_removal_freed_ms"] = (time.monotonic() - began) * 1000
    shutil.rmtree(place)
    return found


async def _root(store: ImageStore, image: Image, place: Path) -> Path:
    for name in ("upper", "work", "target"):
        (place / name).mkdir(parents=True)
    await store.mount_rootfs(image, upper=place / "upper", work=place / "work", target=place / "target")
    return place / "target"


async def _ms(work: Callable[[], Awaitable[object]]) -> float:
    began = time.monotonic()
    await work()
    return (time.monotonic() - began) * 1000


def _bare_ms(registry: Registry, tag: str) -> float:
    """How long the registry takes for what such a pull needs: manifest, configuration and the one blob."""
    base = f"http://{registry.address}/v2/{REPOSITORY}"
    began = time.monotonic()
    manifest = json.loads(_get(f"{base}/manifests/{tag}"))
    for descriptor in (manifest["config"], manifest["layers"][-1]):
        _get(f"{base}/blobs/{descriptor['digest']}")
    return (time.monotonic() - began) * 1000


def _get(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": _MANIFESTS})
    with urllib.request.urlopen(request, timeout=30) as reply:
        content: bytes = reply.read()
        return content


def _used_bytes(place: Path) -> int:
    """Blocks of the store and of the writable layers."""
    return sum(
        os.lstat(Path(where) / name).st_blocks * 512
        for top in ("state", "first", "second")
        for where, directories, files in os.walk(place / top)
        for name in (*directories, *files)
        if "target" not in Path(where).parts
    )


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """Bytes of a process and all its children, as they were again and again meanwhile."""
    seen, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(MEMORY_EVERY_S):
            seen.append(sum(map(_own_bytes, [pid, *_children(pid)])))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = task.read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        for child in map(int, found):
            yield child
            yield from _children(child)


def _own_bytes(pid: int) -> int:
    """Resident, what is shared divided by those who share it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _figure(name: str, text: str, unit: str, samples: Sequence[float], *, at_most: float | None = None) -> Figure:
    return Figure(name=name, text=text, unit=unit, samples=tuple(samples), at_most=at_most)
