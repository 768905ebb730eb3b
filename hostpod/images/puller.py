"""Images come into the catalogue, from registries and archives: so many at once, and each with an end."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from hostpod.host.store import StoreError, remove_tree
from hostpod.images.archive import Archived, images_in
from hostpod.images.catalogue import Catalogue
from hostpod.images.errors import ImagePullError
from hostpod.images.image import Image, Progress
from hostpod.images.index import ImageRecord, LayerRecord
from hostpod.images.layers import LayerFiles
from hostpod.images.manifest import ManifestError, digest_of
from hostpod.images.progress import Meter
from hostpod.images.pull import Pull, Pulled, Source, TagMovedError
from hostpod.images.references import Reference
from hostpod.images.skopeo import Skopeo
from hostpod.images.slots import Slots
from hostpod.images.workshop import Workshop

log = logging.getLogger(__name__)

REFUSALS = (ImagePullError, ManifestError, StoreError, OSError)
NO_SPACE = "no space left on device"

Tell = Callable[[Progress], None]


class Puller:
    """Works below `scratch`. Raises ImagePullError."""

    def __init__(
        self,
        *,
        skopeo: Skopeo,
        workshop: Workshop,
        catalogue: Catalogue,
        layers: LayerFiles,
        scratch: Path,
        at_once: int,
        deadline_s: float,
    ) -> None:
        self._skopeo = skopeo
        self._workshop = workshop
        self._catalogue = catalogue
        self._layers = layers
        self._scratch = scratch
        self._slots = Slots(at_once)
        self._deadline_s = deadline_s
        self._at_work = 0
        self._unwanted: set[str] = set()

    def reconfigure(self, *, at_once: int, deadline_s: float) -> None:
        """Of the pulls that are at work only the number changes; the others have another deadline."""
        self._slots.resize(at_once)
        self._deadline_s = deadline_s

    async def pull(self, reference: Reference, *, always: bool, tell: Tell) -> Image:
        """Fetch an image from its registry. One that is here already is asked for anew only with `always`."""
        meter = Meter(str(reference), tell)
        async with self._attempt(f'pull "{reference}"'):
            source = Source(text=f"docker://{reference}", repository=reference.name, digest=reference.digest)
            top = None
            image = self._catalogue.find(str(reference))
            if image and self._layers.have(image.layers):
                if not always:
                    return image
                top = await self._skopeo.manifest(source.text)
                if reference.at(digest_of(top)) in image.repo_digests:
                    meter.done()
                    return image
            try:
                pulled = await self._run(source, meter, top)
            except TagMovedError:
                pulled = await self._run(source, meter, None)
            digests = [reference.at(pulled.top), *([str(reference)] if reference.digest else [])]
            references = () if reference.digest else (str(reference),)
            image = await self._keep(pulled, references=references, repo_digests=tuple(dict.fromkeys(digests)))
            meter.done()
            return image

    async def load(self, archive: Path) -> tuple[Image, ...]:
        """Take in the images of an archive."""
        async with self._attempt("load the archive"):
            found = await asyncio.to_thread(images_in, archive)
            return tuple([await self._load(archive, each) for each in found])

    async def _load(self, archive: Path, archived: Archived) -> Image:
        async with self._directory() as directory:
            source = Source(text=f"{archived.transport}:{_linked(archive, directory)}{archived.selector}")
            pulled = await self._run(source, Meter(archive.name, _nobody), None)
        references = tuple(str(each) for each in archived.references if not each.digest)
        return await self._keep(pulled, references=references, repo_digests=())

    async def _run(self, source: Source, meter: Meter, top: bytes | None) -> Pulled:
        async with self._directory() as directory:
            pull = Pull(source, skopeo=self._skopeo, workshop=self._workshop, scratch=directory, meter=meter)
            return await pull.run(top)

    async def _keep(self, pulled: Pulled, *, references: tuple[str, ...], repo_digests: tuple[str, ...]) -> Image:
        layers = [
            LayerRecord(
                blob=blob.digest,
                blob_bytes=blob.size_bytes,
                diff_id=diff_id,
                size_bytes=await self._layers.size_bytes(diff_id),
            )
            for blob, diff_id in zip(pulled.blobs, pulled.diff_ids, strict=True)
        ]
        record = ImageRecord(
            id=digest_of(pulled.configuration),
            references=references,
            repo_digests=repo_digests,
            manifest=digest_of(pulled.manifest),
            layers=tuple(layers),
        )
        return await self._catalogue.add(record, manifest=pulled.manifest, configuration=pulled.configuration)

    @asynccontextmanager
    async def _attempt(self, what: str) -> AsyncIterator[None]:
        """A turn, an end, and the reason in words."""
        async with self._slots:
            self._at_work += 1
            try:
                async with asyncio.timeout(self._deadline_s):
                    yield
            except REFUSALS as error:
                words = self._words(error)
                if NO_SPACE in words.lower():
                    self._unwanted.update(self._layers.all())
                raise ImagePullError(f"cannot {what}: {words}") from error
            finally:
                self._at_work -= 1
                await self.sweep()

    def _words(self, error: Exception) -> str:
        if isinstance(error, TimeoutError) and error.errno is None:
            return f"no end within {self._deadline_s:g} s"
        if isinstance(error, OSError):
            return (error.strerror or str(error)).lower()
        return str(error)

    @asynccontextmanager
    async def _directory(self) -> AsyncIterator[Path]:
        directory = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=self._scratch, prefix="pull-"))
        try:
            yield directory
        finally:
            await asyncio.to_thread(remove_tree, directory)

    async def drop_layers(self, diff_ids: Iterable[str]) -> None:
        """Remove these layers if no image has them, at once or when no pull may count on them any more."""
        self._unwanted.update(diff_ids)
        await self.sweep()

    async def sweep(self) -> None:
        """Remove what was dropped. While a pull is at work all layers stay."""
        if self._at_work:
            return
        unwanted, self._unwanted = self._unwanted, set()
        try:
            await self._layers.remove(unwanted - set(self._catalogue.diff_ids()))
        except (OSError, StoreError) as error:
            log.warning("layers that nobody needs stay until the next start: %s", error)


def _nobody(_: Progress) -> None:
    """Nobody listens."""


def _linked(archive: Path, directory: Path) -> Path:
    """A path without a colon, which skopeo takes for the path's end."""
    link = directory / "archive"
    link.symlink_to(archive.absolute())
    return link
