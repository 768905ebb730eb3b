"""Manifests and image configurations, OCI and Docker v2s2, as values. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from hostpod.images.image import ImageConfig

_INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
DOCKER_CONFIGURATION = "application/vnd.docker.container.image.v1+json"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class ManifestError(Exception):
    """A manifest or configuration that cannot be used; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Descriptor:
    """A blob by digest, as a manifest names it; `platform` is OS/ARCH[/VARIANT] or empty."""

    digest: str
    size_bytes: int
    media_type: str
    platform: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """One image for several platforms."""

    manifests: tuple[Descriptor, ...]

    def candidates(self, platform: str) -> tuple[Descriptor, ...]:
        """The manifests for OS/ARCH, whatever their variant."""
        return tuple(each for each in self.manifests if f"{each.platform}/".startswith(f"{platform}/"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """An image for one platform; `layers` are compressed blobs, lowest first."""

    config: Descriptor
    layers: tuple[Descriptor, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """What the image's configuration blob says."""

    config: ImageConfig
    diff_ids: tuple[str, ...]
    created: str


def digest_of(content: bytes) -> str:
    """`sha256:HEX` of a blob."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def parse_manifest(content: bytes) -> Index | Manifest:
    """An index or a manifest, told apart by media type or, where that is absent, by shape."""
    document = parse_document(content, "manifest")
    if document.get("schemaVersion") == 1:
        raise ManifestError("the image is in Docker's legacy schema 1: push it again with a newer tool")
    try:
        if document.get("mediaType") in _INDEX_TYPES or "manifests" in document:
            return Index(manifests=tuple(_descriptor(each) for each in document["manifests"]))
        layers = tuple(_descriptor(each) for each in document["layers"])
        return Manifest(config=_descriptor(document["config"]), layers=layers)
    except (KeyError, TypeError, AttributeError) as error:
        raise ManifestError(f"the image's manifest is malformed: {error!r}") from error


def parse_configuration(content: bytes) -> Configuration:
    """The configuration of an image; ManifestError where it is none (an artifact that is no image, say)."""
    document = parse_document(content, "configuration")
    try:
        diff_ids = tuple(document["rootfs"]["diff_ids"] or ())
    except (KeyError, TypeError) as error:
        raise ManifestError("it is no container image: its configuration names no layers") from error
    if not all(isinstance(each, str) and _DIGEST.fullmatch(each) for each in diff_ids):
        raise ManifestError("the image's configuration is malformed: a layer is not named by its sha256 digest")
    return Configuration(
        config=_image_config(document.get("config") or {}),
        diff_ids=diff_ids,
        created=str(document.get("created") or ""),
    )


def _image_config(section: dict[str, Any]) -> ImageConfig:
    try:
        return ImageConfig(
            entrypoint=_words(section.get("Entrypoint")),
            cmd=_words(section.get("Cmd")),
            env=tuple(str(each) for each in section.get("Env") or ()),
            working_dir=str(section.get("WorkingDir") or ""),
            user=str(section.get("User") or ""),
            stop_signal=str(section["StopSignal"]) if section.get("StopSignal") else None,
            volumes=tuple(sorted(section.get("Volumes") or {})),
        )
    except (TypeError, AttributeError) as error:
        raise ManifestError(f"the image's configuration is malformed: {error}") from error


def _words(value: object) -> tuple[str, ...] | None:
    """A command: absent or a list, and in very old images a single word."""
    if isinstance(value, str):
        return (value,)
    return tuple(str(each) for each in value) if isinstance(value, list) and value else None


def _descriptor(value: dict[str, Any]) -> Descriptor:
    digest, size = value["digest"], value["size"]
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ManifestError(f'the image\'s manifest is malformed: "{digest}" is not a sha256 digest')
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise ManifestError(f'the image\'s manifest is malformed: "{size}" is not a size')
    platform = value.get("platform") or {}
    parts = [str(platform.get(key) or "") for key in ("os", "architecture", "variant")]
    return Descriptor(
        digest=digest,
        size_bytes=size,
        media_type=str(value.get("mediaType") or ""),
        platform="/".join(parts).rstrip("/"),
    )


def parse_document(content: bytes, what: str = "configuration") -> dict[str, Any]:
    """Of either, all that it says. Half a surrogate pair, which no text may have, becomes a question mark."""
    try:
        document = json.loads(content)
        if b"\\ud" in content.lower():
            document = json.loads(json.dumps(document, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        raise ManifestError(f"the image's {what} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ManifestError(f"the image's {what} is malformed: it is not an object")
    return document
