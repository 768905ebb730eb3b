"""One pull: what the source says of the image, its blobs as they come, and its layers while other blobs still come."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hostpod.host.store import StoreError
from hostpod.images.arrivals import Arrivals
from hostpod.images.errors import ImagePullError
from hostpod.images.manifest import (
    DOCKER_CONFIGURATION,
    Descriptor,
    Index,
    Manifest,
    ManifestError,
    digest_of,
    parse_configuration,
    parse_manifest,
)
from hostpod.images.progress import Meter
from hostpod.images.skopeo import BLOBS, LAYOUT, Skopeo
from hostpod.images.workshop import Workshop, make_hole

# What the kernel calls the machine, and what registries do.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386"}


class TagMovedError(ImagePullError):
    """The tag named one image at the pull's beginning and another one at its end: trying again helps."""


# By digest of the blob; the result is the layer's diff id, None where the blob has not come.
Builds = dict[str, asyncio.Task[str | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where an image comes from. `text` is for skopeo; `repository` is None where it cannot be asked for a digest;
    `digest` is the one that the source must have."""

    text: str
    repository: str | None = None
    digest: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """What the source says before anything is fetched: the digest of what it names, and the manifest for this host,
    None where only the fetched image will show it. skopeo rewrites a Docker image in OCI's words, so of such a one the
    configuration is here as the registry has it: by its digest everyone knows the image."""

    top: str
    raw: bytes | None = None
    configuration: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulled:
    """An image all of whose layers are in the store: its blobs and, in the same order, the layers in them."""

    top: str
    manifest: bytes
    configuration: bytes
    blobs: tuple[Descriptor, ...]
    diff_ids: tuple[str, ...]


class Pull:
    """Works in `scratch`, an empty directory that the caller removes; the layers that it counts on become `claims`.
    Raises ImagePullError, ManifestError, OSError."""

    def __init__(
        self, source: Source, *, skopeo: Skopeo, workshop: Workshop, scratch: Path, meter: Meter, claims: set[str]
    ) -> None:
        self._source = source
        self._claims = claims
        self._laid_out: frozenset[str] = frozenset()
        self._skopeo = skopeo
        self._workshop = workshop
        self._scratch = scratch
        self._blobs = scratch / BLOBS / "sha256"
        self._meter = meter

    async def run(self, top: bytes | None) -> Pulled:
        """Pull it. `top` is what the source said just now, where it was asked already."""
        await asyncio.to_thread(self._lay_out)
        try:
            with Arrivals(self._blobs) as arrivals:
                async with asyncio.TaskGroup() as tasks:
                    return await self._steps(top, tasks, arrivals)
        except BaseExceptionGroup as group:
            raise _refusal(group) from None

    async def _steps(self, top: bytes | None, tasks: asyncio.TaskGroup, arrivals: Arrivals) -> Pulled:
        watching = [
            tasks.create_task(arrivals.watch(), name="arrivals"),
            tasks.create_task(self._meter.run(self._scratch / LAYOUT), name="progress"),
        ]
        describe = tasks.create_task(self._describe(top), name="describe")
        fetch = tasks.create_task(self._fetch(), name="fetch")
        described = await describe
        builds = self._begin(described.raw, tasks, arrivals) if described.raw else {}
        refusal = await fetch
        if refusal is None:
            described = await asyncio.to_thread(self._completed, described)
        arrivals.are_complete()
        if refusal is None and not builds:
            builds = self._begin(described.raw, tasks, arrivals)
        diff_ids = {digest: await build for digest, build in builds.items()}
        for each in watching:
            each.cancel()
        if refusal:
            raise refusal
        return _pulled(described, diff_ids)

    async def _fetch(self) -> ImagePullError | None:
        """Not raised: what has come is built first, so that the next pull need not fetch it again."""
        try:
            await self._skopeo.fetch(self._source.text, self._scratch)
        except ImagePullError as refusal:
            return refusal
        return None

    def _lay_out(self) -> None:
        self._blobs.mkdir(parents=True)
        known = self._workshop.known()
        for digest, blob in known.items():
            make_hole(self._path(digest), blob.size_bytes)
        self._laid_out = frozenset(known)

    def _path(self, digest: str) -> Path:
        return self._blobs / digest.partition(":")[2]

    async def _describe(self, top: bytes | None) -> Described:
        top = top or await self._skopeo.manifest(self._source.text)
        _check(top, self._source.digest)
        parsed = parse_manifest(top)
        if isinstance(parsed, Manifest):
            return await self._described(top, top, parsed, self._source.text)
        candidates = parsed.candidates(f"linux/{architecture()}")
        if len(candidates) != 1 or self._source.repository is None:
            return Described(top=digest_of(top))
        text = f"docker://{self._source.repository}@{candidates[0].digest}"
        raw = await self._skopeo.manifest(text)
        _check(raw, candidates[0].digest)
        return await self._described(top, raw, parse_image_manifest(raw), text)

    async def _described(self, top: bytes, raw: bytes, manifest: Manifest, text: str) -> Described:
        configuration = None
        if manifest.config.media_type == DOCKER_CONFIGURATION:
            configuration = await self._skopeo.configuration(text)
        return Described(top=digest_of(top), raw=raw, configuration=configuration)

    def _begin(self, raw: bytes | None, tasks: asyncio.TaskGroup, arrivals: Arrivals) -> Builds:
        """A task for each distinct blob."""
        assert raw is not None, "known by now"
        layers = {layer.digest: layer for layer in parse_image_manifest(raw).layers}
        self._meter.expect(layers.values(), self._laid_out)
        return {
            digest: tasks.create_task(self._layer(layer, arrivals), name=f"layer {digest}")
            for digest, layer in layers.items()
        }

    async def _layer(self, layer: Descriptor, arrivals: Arrivals) -> str | None:
        """The diff id, None where the blob has not come."""
        path = self._path(layer.digest)
        if not await arrivals.wait_for(path.name):
            return None
        self._meter.arrived(layer.digest)
        laid_out = layer.digest in self._laid_out
        diff_id = await self._workshop.diff_id(layer, path, self._claims, laid_out=laid_out)
        self._meter.built(layer.digest)
        return diff_id

    def _completed(self, described: Described) -> Described:
        """What was fetched, checked against what was said before."""
        index = json.loads((self._scratch / LAYOUT / "index.json").read_bytes())
        fetched = self._path(index["manifests"][0]["digest"]).read_bytes()
        manifest = parse_image_manifest(fetched)
        if described.raw and _layer_digests(manifest) != _layer_digests(parse_image_manifest(described.raw)):
            raise TagMovedError("the tag was moved to another image during the pull")
        configuration = self._path(manifest.config.digest).read_bytes()
        if described.configuration and not _say_the_same(described.configuration, configuration):
            raise ImagePullError("the registry sent two different configurations of the image")
        configuration = described.configuration or configuration
        return Described(top=described.top, raw=described.raw or fetched, configuration=configuration)


def _pulled(described: Described, diff_ids: Mapping[str, str | None]) -> Pulled:
    """Check the configuration against the manifest that names it, and the layers against the configuration."""
    assert described.raw is not None, "completed after the fetch"
    assert described.configuration is not None, "completed after the fetch"
    manifest = parse_image_manifest(described.raw)
    _check(described.configuration, manifest.config.digest)
    expected = parse_configuration(described.configuration).diff_ids
    if tuple(diff_ids[layer.digest] for layer in manifest.layers) != expected:
        raise ImagePullError("the image's layers are not those that its configuration names")
    return Pulled(
        top=described.top,
        manifest=described.raw,
        configuration=described.configuration,
        blobs=manifest.layers,
        diff_ids=expected,
    )


def _check(content: bytes, digest: str | None) -> None:
    if digest and digest.startswith("sha256:") and digest_of(content) != digest:
        raise ImagePullError(f"the registry sent something else than {digest}")


def _say_the_same(one: bytes, other: bytes) -> bool:
    first, second = parse_configuration(one), parse_configuration(other)
    return (first.config, first.diff_ids) == (second.config, second.diff_ids)


def _layer_digests(manifest: Manifest) -> tuple[str, ...]:
    return tuple(layer.digest for layer in manifest.layers)


def parse_image_manifest(raw: bytes) -> Manifest:
    """The manifest of one image; ManifestError where it is an index."""
    manifest = parse_manifest(raw)
    if isinstance(manifest, Index):
        raise ManifestError("an index stands where an image's manifest should be")
    return manifest


def architecture() -> str:
    """This host's, as registries call it."""
    machine = os.uname().machine
    return _ARCHITECTURES.get(machine, machine)


def _refusal(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first of what went wrong, if nothing in the group is a bug; else the group."""
    _, bugs = group.split((ImagePullError, ManifestError, StoreError, OSError))
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup) and bugs is None:
        first = first.exceptions[0]
    return first
