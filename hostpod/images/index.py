"""Which images there are: one file, replaced as a whole, so that it is always the one or the other.

A few hundred images make some 200 KB; a file for each would need an order of writes for a tag that moves between two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from hostpod.host.store import write_atomic
from hostpod.images.access import Access, with_access
from hostpod.images.errors import ImageError
from hostpod.images.image import Image
from hostpod.images.manifest import ManifestError, parse_configuration
from hostpod.images.references import parse_reference


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerRecord:
    """A layer as the manifest (`blob`) and as the configuration (`diff_id`) name it; `size_bytes` is that on disk."""

    blob: str
    blob_bytes: int
    diff_id: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRecord:
    """What the store knows of an image. `id` is the digest of its configuration, `manifest` that of its manifest;
    `access` says who had it from a registry or an archive."""

    id: str
    references: tuple[str, ...]
    repo_digests: tuple[str, ...]
    manifest: str
    layers: tuple[LayerRecord, ...]
    access: tuple[Access, ...] = ()

    def diff_ids(self) -> tuple[str, ...]:
        return tuple(layer.diff_id for layer in self.layers)

    def sizes(self) -> Mapping[str, int]:
        """What each layer takes on disk, by its diff id."""
        return {layer.diff_id: layer.size_bytes for layer in self.layers}

    def keeps_a_name_without(self, name: str) -> bool:
        """Whether it has names that stay when this one goes."""
        left = _without(self, name)
        return bool(left.references or left.repo_digests)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Index:
    """`contents` has, by diff id, the digests of the layers as they are on this disk. Older indexes have none."""

    images: tuple[ImageRecord, ...]
    format: Literal[1] = 1
    contents: dict[str, str] = field(default_factory=dict)


_INDEX = TypeAdapter(_Index)


def load_index(path: Path) -> tuple[tuple[ImageRecord, ...], Mapping[str, str]]:
    """The images, and the digests of layers on disk as far as they are known; nothing where there is no file.
    ImageError where it cannot be read."""
    try:
        index = _INDEX.validate_json(path.read_bytes())
    except FileNotFoundError:
        return (), {}
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise ImageError(
            f"cannot read {path}: {place}: {problem['msg'].lower()}; remove the file, and images are pulled anew"
        ) from error
    return index.images, index.contents


def save_index(path: Path, images: Iterable[ImageRecord], contents: Mapping[str, str]) -> None:
    """Replace the file; it survives a power cut. Of `contents` it has what belongs to the images."""
    index = _Index(images=tuple(images))
    layers = {diff_id for image in index.images for diff_id in image.diff_ids()}
    known = dict(contents)  # which may change meanwhile
    index.contents.update({diff_id: known[diff_id] for diff_id in sorted(layers & known.keys())})
    write_atomic(path, _INDEX.dump_json(index), durable=True)


def with_image(images: Iterable[ImageRecord], fresh: ImageRecord) -> tuple[ImageRecord, ...]:
    """The images with another one, which takes its references away from those that had them."""
    result = []
    for image in images:
        if image.id == fresh.id:
            fresh = replace(
                fresh,
                references=_merged(image.references, fresh.references),
                repo_digests=_merged(image.repo_digests, fresh.repo_digests),
                access=reduce(with_access, fresh.access, image.access),
            )
        else:
            references = tuple(each for each in image.references if each not in fresh.references)
            result.append(replace(image, references=references))
    return (*result, fresh)


def without_name(images: Iterable[ImageRecord], identity: str, name: str) -> tuple[ImageRecord, ...]:
    """The images, one of which loses a name: with the last reference of a repository go its digests."""
    return tuple(_without(image, name) if image.id == identity else image for image in images)


def _without(image: ImageRecord, name: str) -> ImageRecord:
    references = tuple(each for each in image.references if each != name)
    digests = tuple(each for each in image.repo_digests if each != name)
    if len(references) < len(image.references):
        repository = parse_reference(name).name
        if all(parse_reference(each).name != repository for each in references):
            digests = tuple(each for each in digests if parse_reference(each).name != repository)
    return replace(image, references=references, repo_digests=digests)


def image_of(record: ImageRecord, configuration: bytes) -> Image:
    """What others see of an image. ManifestError where its configuration cannot be used."""
    parsed = parse_configuration(configuration)
    if parsed.diff_ids != record.diff_ids():
        raise ManifestError("its configuration names other layers than its record")
    return Image(
        id=record.id,
        references=record.references,
        repo_digests=record.repo_digests,
        layers=record.diff_ids(),
        size_bytes=sum({layer.diff_id: layer.size_bytes for layer in record.layers}.values()),
        created=parsed.created,
        config=parsed.config,
    )


def _merged(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*old, *new)))
