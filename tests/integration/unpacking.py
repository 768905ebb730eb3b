"""Layers unpacked by hostpod, in both forms, without a registry: archives go in as blobs, and a root comes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from hostpod.host.mount import unmount
from hostpod.images.bounds import Bounds
from hostpod.images.build import Builder
from hostpod.images.layers import LayerFiles
from hostpod.images.rootfs import Roots

BOUNDS = Bounds(size_bytes=1 << 34, entries=100_000)


@asynccontextmanager
async def unpacked(blobs: Sequence[bytes], form: str, place: Path) -> AsyncIterator[Path]:
    """The root of an image of these blobs, lowest first, read-only; `form` is squashfs or directory."""
    scratch, target = place / "tmp", place / "root"
    for each in (scratch, target):
        each.mkdir(parents=True)
    layers = LayerFiles(
        place / "layers", scratch=scratch, as_directories=form == "directory", mounts_squashfs=True, sqfs2tar="sqfs2tar"
    )
    layers.open()
    with ThreadPoolExecutor(2) as threads:
        builder = Builder("tar2sqfs", threads, BOUNDS)
        diff_ids = [await _built(builder, layers, scratch / str(number), blob) for number, blob in enumerate(blobs)]
    try:
        async with asyncio.TaskGroup() as tasks:
            roots = Roots(place / "run", layers, tasks)
            roots.open({})
            await roots.mount("sha256:corpus", diff_ids, target=target)
            yield target
    finally:
        for each in (target, *(place / "run").iterdir()):
            unmount(each)


async def _built(builder: Builder, layers: LayerFiles, path: Path, blob: bytes) -> str:
    await asyncio.to_thread(path.write_bytes, blob)
    built = await builder.build(path, path.with_suffix(".building"))
    await layers.adopt(built)
    return built.diff_id
