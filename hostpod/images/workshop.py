"""Blobs become layers here, each once, however many images want it at the same time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hostpod.images.build import Builder
from hostpod.images.errors import ImagePullError, LayerGoneError
from hostpod.images.layers import LayerFiles
from hostpod.images.manifest import Descriptor
from hostpod.images.slots import Slots
from hostpod.images.turns import Turns


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownBlob:
    """A blob whose layer is in the store."""

    size_bytes: int
    diff_id: str


class Workshop:
    """`at_once` layers are built at a time."""

    def __init__(self, layers: LayerFiles, builder: Builder, *, at_once: int) -> None:
        self._layers = layers
        self._builder = builder
        self._slots = Slots(at_once)
        self._known: dict[str, KnownBlob] = {}
        self._turns = Turns()

    def reconfigure(self, *, at_once: int) -> None:
        """So many layers at a time from now on."""
        self._slots.resize(at_once)

    def learn(self, blob: str, size_bytes: int, diff_id: str) -> None:
        """A blob and the layer that it holds."""
        self._known[blob] = KnownBlob(size_bytes=size_bytes, diff_id=diff_id)

    def known(self) -> Mapping[str, KnownBlob]:
        """The blobs, by digest, that need not be fetched: their layers are here. It looks at each of them; any thread
        may ask."""
        return {digest: blob for digest, blob in self._known.copy().items() if self._layers.find(blob.diff_id)}

    async def diff_id(self, blob: Descriptor, path: Path, claims: set[str], *, laid_out: bool) -> str:
        """The layer that a blob holds; it is in the store afterwards and one of the `claims`, and the blob's file is a
        hole. LayerGoneError where it was not fetched but `laid_out`, and its layer is here no more."""
        async with self._turns.of(blob.digest):
            known = self._known.get(blob.digest)
            if known and self._layers.find(known.diff_id):
                claims.add(known.diff_id)
                await asyncio.to_thread(make_hole, path, blob.size_bytes)
                return known.diff_id
            if laid_out:
                raise LayerGoneError
            return await self._built(blob, path, claims)

    async def _built(self, blob: Descriptor, path: Path, claims: set[str]) -> str:
        _check_size(blob, path)
        async with self._slots:
            built = await self._builder.build(path, path.with_suffix(".building"))
        claims.add(built.diff_id)
        await self._layers.adopt(built)  # writing back needs no core: the next one is built meanwhile
        await asyncio.to_thread(make_hole, path, blob.size_bytes)
        self.learn(blob.digest, blob.size_bytes, built.diff_id)
        return built.diff_id


def _check_size(blob: Descriptor, path: Path) -> None:
    if (came := path.stat().st_size) != blob.size_bytes:
        raise ImagePullError(f"a layer has {came} bytes, and {blob.size_bytes} by the image's manifest")


def make_hole(path: Path, size_bytes: int) -> None:
    """A file of a blob's size, and nothing in it. By name and size skopeo takes the blob for present."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(descriptor, 0)
        os.ftruncate(descriptor, size_bytes)
    finally:
        os.close(descriptor)
