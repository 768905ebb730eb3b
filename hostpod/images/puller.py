"""Images come into the catalogue, from registries and archives: so many at once, and each with an end."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hostpod.host.clock import monotonic
from hostpod.host.store import StoreError, remove_tree
from hostpod.images.access import Access, access_by
from hostpod.images.archive import Archived, open_archive
from hostpod.images.catalogue import Catalogue
from hostpod.images.complaints import all_words, may_pass, others_may_be_let_in
from hostpod.images.errors import ImagePullError, LayerGoneError
from hostpod.images.holdings import Holdings
from hostpod.images.image import Image, Progress
from hostpod.images.keyring import Key, auth_file
from hostpod.images.layers import LayerFiles
from hostpod.images.manifest import ManifestError, digest_of
from hostpod.images.node_credentials import NodeCredentials
from hostpod.images.progress import Meter
from hostpod.images.pull import Pull, Pulled, Source, TagMovedError
from hostpod.images.references import Reference
from hostpod.images.skopeo import Skopeo
from hostpod.images.slots import Slots
from hostpod.images.workshop import Workshop

log = logging.getLogger(__name__)

REFUSALS = (ImagePullError, ManifestError, StoreError, OSError)
# Between attempts of one pull. Then it has failed, and the back-off of those who want it begins. skopeo is patient by
# itself: after this long since the first refusal it was asked long enough.
RETRY_WAITS_S = (0.5, 2.0)
RETRY_WITHIN_S = 5.0
NO_SPACE = "no space left on device"

Tell = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    """A pull or a load under way: who hears of it, the layers that it counts on, and its deadline."""

    meter: Meter
    claims: set[str]
    patience: asyncio.Timeout


class Puller:
    """Works below `scratch`. Raises ImagePullError."""

    def __init__(
        self,
        *,
        skopeo: Skopeo,
        node: NodeCredentials,
        workshop: Workshop,
        catalogue: Catalogue,
        layers: LayerFiles,
        holdings: Holdings,
        scratch: Path,
        at_once: int,
        deadline_s: float,
        kept: Callable[[Image], None],
    ) -> None:
        self._skopeo = skopeo
        self._node = node
        self._workshop = workshop
        self._catalogue = catalogue
        self._layers = layers
        self._holdings = holdings
        self._scratch = scratch
        self._slots = Slots(at_once)
        self._deadline_s = deadline_s
        self._kept = kept

    def reconfigure(self, *, at_once: int, deadline_s: float) -> None:
        """Of the pulls that are at work only the number changes; the others have another deadline."""
        self._slots.resize(at_once)
        self._deadline_s = deadline_s

    async def pull(self, reference: Reference, *, keys: Sequence[Key] = (), always: bool, tell: Tell) -> Image:
        """Fetch an image from its registry. One that is here already is asked for anew only with `always`. The keys are
        tried before what the host itself has, and it is written down which of them opened."""
        self._layers.check_form()
        meter = Meter(str(reference), tell)
        if self._slots.are_taken():
            meter.is_waiting()
        async with self._attempt(f'pull "{reference}"', meter) as job:
            meter.begins()
            image = self._catalogue.find(str(reference))
            if image and self._holdings.are_whole(image) and not always:
                return image
            image = await self._first_let_in(reference, keys, job)
            meter.done()
            return image

    async def _first_let_in(self, reference: Reference, keys: Sequence[Key], job: _Job) -> Image:
        """The image, by the first of those credentials that the registry takes."""
        refusals: list[tuple[str, str]] = []
        for key, auth in await self._credentials(reference, keys):
            try:
                return await self._pull(reference, self._skopeo.using(auth), job, access_by(reference.name, key))
            except ImagePullError as refusal:
                asker = f'Secret "{key.secret.name}"' if key else "what this host has"
                refusals.append((asker, str(refusal)))
                if not others_may_be_let_in(str(refusal)):
                    break
        raise ImagePullError(all_words(refusals))

    async def _credentials(
        self, reference: Reference, keys: Sequence[Key]
    ) -> Sequence[tuple[Key | None, Path | bytes | None]]:
        of_host = await self._node.of(reference)
        return (
            *((key, auth_file(reference.name, key.credential)) for key in keys),
            *((None, auth) for auth in of_host),
        )

    async def _pull(self, reference: Reference, skopeo: Skopeo, job: _Job, access: Access) -> Image:
        source = Source(text=f"docker://{reference}", repository=reference.name, digest=reference.digest)
        top = None
        image = self._catalogue.find(str(reference))
        if image and self._holdings.are_whole(image):
            top = await skopeo.manifest(source.text)
            if reference.at(digest_of(top)) in image.repo_digests:
                await self._catalogue.grant(image.id, access)
                return image

        async def keep(pulled: Pulled) -> Image:
            digests = [reference.at(pulled.top), *([str(reference)] if reference.digest else [])]
            return await self._holdings.keep(
                pulled,
                references=() if reference.digest else (str(reference),),
                repo_digests=tuple(dict.fromkeys(digests)),
                access=(access,),
            )

        return await self._persistently(source, job, top, skopeo, keep)

    async def load(self, archive: Path) -> tuple[Image, ...]:
        """Take in the images of an archive."""
        self._layers.check_form()
        async with (
            self._attempt("load the archive", Meter(archive.name, _nobody)) as job,
            self._directory() as directory,
        ):
            found = await open_archive(archive, directory)
            return tuple([await self._load(each, job) for each in found])

    async def _load(self, archived: Archived, job: _Job) -> Image:
        """One of them; each has the time of a pull."""
        job.patience.reschedule(asyncio.get_running_loop().time() + self._deadline_s)
        named = tuple(each for each in archived.references if not each.digest)
        access = tuple(Access(repository=name, loaded=True) for name in dict.fromkeys(each.name for each in named))
        references = tuple(map(str, named))

        async def keep(pulled: Pulled) -> Image:
            return await self._holdings.keep(pulled, references=references, repo_digests=(), access=access)

        return await self._persistently(Source(text=archived.source), job, None, self._skopeo, keep)

    async def _persistently(
        self, source: Source, job: _Job, top: bytes | None, skopeo: Skopeo, keep: Callable[[Pulled], Awaitable[Image]]
    ) -> Image:
        """Again after a moment where that may help. Layers that were built meanwhile need not come once more."""
        refused_at: float | None = None
        for wait_s in RETRY_WAITS_S:
            try:
                return await self._run(source, job, top, skopeo, keep)
            except LayerGoneError:
                continue
            except TagMovedError:
                top = None
            except ImagePullError as refusal:
                refused_at = monotonic() if refused_at is None else refused_at
                if not may_pass(str(refusal)) or monotonic() - refused_at > RETRY_WITHIN_S:
                    raise
                log.info("%s is tried again in %g s: %s", source.text, wait_s, refusal)
                job.meter.retries()
                await asyncio.sleep(wait_s)
        return await self._run(source, job, top, skopeo, keep)

    async def _run(
        self, source: Source, job: _Job, top: bytes | None, skopeo: Skopeo, keep: Callable[[Pulled], Awaitable[Image]]
    ) -> Image:
        async with self._directory() as directory:
            pull = Pull(
                source,
                skopeo=skopeo,
                workshop=self._workshop,
                scratch=directory,
                meter=job.meter,
                claims=job.claims,
            )
            image = await keep(await pull.run(top))
        self._kept(image)
        return image

    @asynccontextmanager
    async def _attempt(self, what: str, meter: Meter) -> AsyncIterator[_Job]:
        """A turn, an end, and the reason in words."""
        async with self._slots:
            try:
                with self._holdings.claiming() as claims:
                    async with asyncio.timeout(self._deadline_s) as patience:
                        yield _Job(meter=meter, claims=claims, patience=patience)
            except REFUSALS as error:
                words = self._words(error)
                if NO_SPACE in words.lower():
                    await self._holdings.free_loose()
                raise ImagePullError(f"cannot {what}: {words}") from error

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


def _nobody(_: Progress) -> None:
    """Nobody listens."""
