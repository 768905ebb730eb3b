"""Which layers stay: those that images have, and those that pulls count on. All others go."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hostpod.images.access import Access
from hostpod.images.catalogue import Catalogue
from hostpod.images.errors import LayerGoneError
from hostpod.images.image import Image
from hostpod.images.index import ImageRecord, LayerRecord
from hostpod.images.layers import LayerFiles
from hostpod.images.manifest import digest_of
from hostpod.images.pull import Pulled
from hostpod.images.removals import Removals

log = logging.getLogger(__name__)


class Holdings:
    """Between the catalogue and the layers. What goes is removed in the background."""

    def __init__(self, catalogue: Catalogue, layers: LayerFiles, removals: Removals) -> None:
        self._catalogue = catalogue
        self._layers = layers
        self._removals = removals
        self._claims: list[set[str]] = []
        self._unwanted: set[str] = set()

    @contextmanager
    def claiming(self) -> Iterator[set[str]]:
        """The layers that a pull counts on, by diff id, as it finds or builds them: they stay until its end."""
        claims = set[str]()
        self._claims.append(claims)
        try:
            yield claims
        finally:
            self._claims = [each for each in self._claims if each is not claims]
            self.drop(())

    async def keep(
        self, pulled: Pulled, *, references: tuple[str, ...], repo_digests: tuple[str, ...], access: tuple[Access, ...]
    ) -> Image:
        """Write an image down whose layers are all here. LayerGoneError where one is not, StoreError."""
        layers = [
            LayerRecord(
                blob=blob.digest,
                blob_bytes=blob.size_bytes,
                diff_id=diff_id,
                size_bytes=await self._layers.size_bytes(diff_id),
            )
            for blob, diff_id in zip(pulled.blobs, pulled.diff_ids, strict=True)
        ]
        if not self._layers.have(pulled.diff_ids):
            raise LayerGoneError
        record = ImageRecord(
            id=digest_of(pulled.configuration),
            references=references,
            repo_digests=repo_digests,
            manifest=digest_of(pulled.manifest),
            layers=tuple(layers),
            access=access,
        )
        return await self._catalogue.add(record, manifest=pulled.manifest, configuration=pulled.configuration)

    def drop(self, diff_ids: Iterable[str]) -> None:
        """Remove these layers if no image has them: now, or when no pull counts on them any more."""
        unwanted = self._unwanted.union(diff_ids) - set(self._catalogue.diff_ids())
        claimed = set[str]().union(*self._claims)
        self._unwanted = unwanted & claimed
        try:
            self._removals.begin(self._layers.put_away(unwanted - claimed))
        except OSError as error:  # a disk that is read-only by now, say: no pull has failed and no look by that
            log.warning("layers that nobody needs stay until the next start: %s", error)

    async def free_loose(self) -> None:
        """Free all layers that no image has and no pull counts on: what pulls have left that failed, and the next one
        would not have to fetch."""
        self.drop(self._layers.all())
        await self._removals.settled()

    def are_whole(self, image: Image) -> bool:
        """Whether all of an image is here."""
        return self._layers.have(image.layers) and self._catalogue.have(image)
