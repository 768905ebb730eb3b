"""Which images there are: their records, and their manifests and configurations as blobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from hostpod.host.store import StoreError, write_atomic
from hostpod.images.access import Access, with_access
from hostpod.images.errors import InvalidImageNameError
from hostpod.images.image import Image
from hostpod.images.in_thread import in_thread
from hostpod.images.index import (
    ImageRecord,
    image_of,
    load_index,
    save_index,
    with_image,
    without_name,
)
from hostpod.images.manifest import ManifestError, digest_of
from hostpod.images.references import image_id, parse_reference

log = logging.getLogger(__name__)


class Catalogue:
    """Looks are free, changes are atomic and survive a power cut. `contents` are the digests of layers on this disk, by
    diff id, as far as they are known: whoever has the layers keeps them right, and here they are written down."""

    def __init__(self, directory: Path, contents: dict[str, str]) -> None:
        self._index = directory / "index.json"
        self._blobs = directory / "blobs" / "sha256"
        self._records: tuple[ImageRecord, ...] = ()
        self._images: dict[str, Image] = {}
        self._names: dict[str, Image] = {}
        self._contents = contents
        self._changing = asyncio.Lock()

    def open(self, have_layers: Callable[[Iterable[str]], bool]) -> None:
        """Read what there is. An image that is not whole is forgotten: it will be pulled again."""
        self._blobs.mkdir(mode=0o700, parents=True, exist_ok=True)
        records, contents = load_index(self._index)
        self._contents.update(contents)
        whole = tuple(record for record in records if self._is_whole(record, have_layers))
        if whole != records:
            save_index(self._index, whole, self._contents)
        self._take(whole)
        self._remove_blobs()

    def find(self, text: str) -> Image | None:
        """By reference, repository digest or id; None also for what is no reference."""
        identity = image_id(text)
        if identity:
            return self._images.get(identity)
        try:
            return self._names.get(str(parse_reference(text)))
        except InvalidImageNameError:
            return None

    def images(self) -> tuple[Image, ...]:
        """All images, in the order in which they came."""
        return tuple(self._images.values())

    def records(self) -> tuple[ImageRecord, ...]:
        """What is written down of them."""
        return self._records

    def diff_ids(self) -> Collection[str]:
        """The layers of all images."""
        return {diff_id for image in self._images.values() for diff_id in image.layers}

    def layers(self) -> Mapping[str, tuple[str, ...]]:
        """The layers of each image id."""
        return {image.id: image.layers for image in self._images.values()}

    async def note_contents(self) -> None:
        """Write down what layers are on this disk."""
        async with self._changing:
            await in_thread(lambda: save_index(self._index, self._records, self._contents))

    def have(self, image: Image) -> bool:
        """Whether its manifest and configuration are here, which a look may have found to be broken."""
        return all(self._blob(digest).exists() for digest in self._blobs_of(image))

    def discard_broken(self, image: Image) -> Collection[str]:
        """Those of its manifest and configuration that are not what their names say; they are removed."""
        broken = [digest for digest in self._blobs_of(image) if not self._is_right(digest)]
        for digest in broken:
            self._blob(digest).unlink(missing_ok=True)
        return broken

    def _blobs_of(self, image: Image) -> tuple[str, ...]:
        return next(((each.id, each.manifest) for each in self._records if each.id == image.id), ())

    def _is_right(self, digest: str) -> bool:
        try:
            return digest_of(self._blob(digest).read_bytes()) == digest
        except OSError:
            return False

    async def add(self, record: ImageRecord, *, manifest: bytes, configuration: bytes) -> Image:
        """Write an image down. References that another image had are its own now."""
        async with self._changing:
            await in_thread(lambda: self._write(record, manifest, configuration))
        return self._images[record.id]

    def access(self, identity: str) -> tuple[Access, ...]:
        """Who had an image from a registry."""
        return next((record.access for record in self._records if record.id == identity), ())

    async def grant(self, identity: str, access: Access) -> None:
        """Write down that a registry gave an image that is here."""
        async with self._changing:
            records = tuple(_granted(record, access) if record.id == identity else record for record in self._records)
            if records != self._records:
                await in_thread(lambda: self._save(records))

    async def remove(self, identity: str, *, unless: Callable[[], bool] = lambda: False) -> bool:
        """Forget an image; nothing where it is not known, or where it must stay: that is asked at the last moment, and
        nobody finds it from then on. Whether it is gone."""
        async with self._changing:
            if identity not in self._images or unless():
                return False
            await self._replace(tuple(record for record in self._records if record.id != identity))
            return True

    async def untag(self, identity: str, name: str) -> None:
        """Take a name away from an image: a reference, and with the last of a repository its digests, or a digest."""
        async with self._changing:
            await self._replace(without_name(self._records, identity, name))

    def content(self, identity: str) -> bytes:
        """The configuration of an image, as it came."""
        return self._blob(identity).read_bytes()

    async def _replace(self, records: tuple[ImageRecord, ...]) -> None:
        before, known = self._records, self._images
        self._show(records)
        try:
            await in_thread(lambda: self._write_fewer(records))
        except (OSError, StoreError):
            self._images = known
            self._show(before)
            raise

    def _save(self, records: tuple[ImageRecord, ...]) -> None:
        save_index(self._index, records, self._contents)
        self._records = records

    def _write(self, record: ImageRecord, manifest: bytes, configuration: bytes) -> None:
        for content in (manifest, configuration):
            path = self._blob(digest_of(content))
            if not path.exists():
                write_atomic(path, content, durable=True)
        records = with_image(self._records, record)
        save_index(self._index, records, self._contents)
        self._take(records)

    def _write_fewer(self, records: tuple[ImageRecord, ...]) -> None:
        save_index(self._index, records, self._contents)
        self._remove_blobs()

    def _take(self, records: tuple[ImageRecord, ...]) -> None:
        fresh = (record for record in records if record.id not in self._images)
        self._images = {**self._images, **{r.id: image_of(r, self._blob(r.id).read_bytes()) for r in fresh}}
        self._show(records)

    def _show(self, records: tuple[ImageRecord, ...]) -> None:
        """What is found from now on. Reads nothing: the configuration of an image never changes."""
        self._records = records
        self._images = {
            record.id: replace(self._images[record.id], references=record.references, repo_digests=record.repo_digests)
            for record in records
        }
        self._names = {
            name: image for image in self._images.values() for name in (*image.references, *image.repo_digests)
        }

    def _is_whole(self, record: ImageRecord, have_layers: Callable[[Iterable[str]], bool]) -> bool:
        try:
            content = self._blob(record.id).read_bytes()
            image_of(record, content)
        except (OSError, ManifestError) as error:
            log.warning("image %s is forgotten: %s", record.id, error)
            return False
        if digest_of(content) != record.id:
            log.warning("image %s is forgotten: its configuration is corrupt", record.id)
            return False
        if not have_layers(record.diff_ids()):
            log.warning("image %s is forgotten: it lacks a layer", record.id)
            return False
        return True

    def _remove_blobs(self) -> None:
        named = {_name(digest) for record in self._records for digest in (record.id, record.manifest)}
        for path in self._blobs.iterdir():
            if path.name not in named:
                path.unlink()

    def _blob(self, digest: str) -> Path:
        return self._blobs / _name(digest)


def _name(digest: str) -> str:
    return digest.partition(":")[2]


def _granted(record: ImageRecord, access: Access) -> ImageRecord:
    return replace(record, access=with_access(record.access, access))
