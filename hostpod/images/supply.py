"""An image for who asks: what is here and they may have, else from an archive, else from its registry."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from hostpod.images.catalogue import Catalogue
from hostpod.images.door import Door, flight_key, never_pulled, no_key_fits, no_such_id
from hostpod.images.errors import ImageError, ImageNeverPulledError, ImagePullError
from hostpod.images.flights import Flights
from hostpod.images.holdings import Holdings
from hostpod.images.image import Image, Progress, PullPolicy
from hostpod.images.keyring import PullSecret, keys_for
from hostpod.images.layers import LayerFiles
from hostpod.images.preload import Preload
from hostpod.images.puller import Puller
from hostpod.images.references import Reference, image_id, parse_reference
from hostpod.images.rootfs import Roots
from hostpod.images.turns import Turns

log = logging.getLogger(__name__)


class Supply:
    """Pulls run in `tasks`; `came` is told of what they brought. Raises ImageError."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        layers: LayerFiles,
        holdings: Holdings,
        roots: Roots,
        door: Door,
        puller: Puller,
        tasks: asyncio.TaskGroup,
        came: Callable[[Image], None],
    ) -> None:
        self._catalogue = catalogue
        self._layers = layers
        self._holdings = holdings
        self._roots = roots
        self._door = door
        self._puller = puller
        self._came = came
        self._turns = Turns()
        self.pulls: Flights[Image, Progress] = Flights(tasks, ImageError)
        self.archives: Preload | None = None

    async def ensure(
        self,
        reference: str,
        *,
        policy: PullPolicy,
        secrets: Sequence[PullSecret],
        progress: Callable[[Progress], None] | None,
    ) -> Image:
        """The image, pulled where the policy asks for it, or where the Secrets are not known to open its repository.
        Several who want one image with the same credentials share its pull, and each may be cancelled without harm to
        the others."""
        if policy != "Always":
            await self.preloaded(reference)
        found = self.at_hand(reference, secrets)
        if found and (policy != "Always" or image_id(reference)):
            return found
        await self._retire_broken(reference)
        if image_id(reference):
            raise ImagePullError(no_such_id(reference, is_here=self._catalogue.find(reference) is not None))
        parsed = parse_reference(reference)
        if policy == "Never":
            raise ImageNeverPulledError(never_pulled(reference, is_here=self._have(reference) is not None))
        return await self._pulled(parsed, secrets, progress, anyway=policy == "Always")

    async def _pulled(
        self,
        reference: Reference,
        secrets: Sequence[PullSecret],
        progress: Callable[[Progress], None] | None,
        *,
        anyway: bool,
    ) -> Image:
        keys = keys_for(secrets, reference.name)

        async def pull(tell: Callable[[Progress], None]) -> Image:
            async with self._turns.of(str(reference)):
                always = anyway or self.at_hand(str(reference), secrets) is None
                return await self._puller.pull(reference, keys=keys, always=always, tell=tell)

        try:
            image = await self.pulls.join(flight_key(reference, keys), pull, progress)
        except ImagePullError as refusal:
            advice = "" if keys else no_key_fits(reference, secrets, str(refusal))
            raise ImagePullError(f"{refusal}{advice}") from refusal
        self._came(image)
        return image

    def _have(self, reference: str) -> Image | None:
        """One that is here, whole."""
        found = self._catalogue.find(reference)
        return found if found and self._holdings.are_whole(found) else None

    def at_hand(self, reference: str, secrets: Sequence[PullSecret]) -> Image | None:
        """One that is here, whole, and that a pod with these Secrets gets without a question to the registry."""
        found = self._have(reference)
        return found if found and self._door.lets_in(found, reference, secrets) else None

    async def preloaded(self, reference: str) -> None:
        """Unless the image is here: until the archives are loaded that may have it, once more if it was removed. Of an
        archive that does not do so any more the log has why; there may be a registry."""
        if self.archives is None or self._have(reference):
            return
        await self.archives.first()
        if self._have(reference) is None:
            name = image_id(reference) or str(parse_reference(reference))
            try:
                await self.archives.again(name)
            except ImageError as error:
                log.warning("%s is not loaded again: %s", name, error)

    async def again(self, image: Image, secrets: Sequence[PullSecret]) -> bool:
        """Fetch what is missing of an image from any of the places that it came from; False where none is known."""
        refusal: ImageError | None = None
        for digest in image.repo_digests:
            try:
                await self.ensure(digest, policy="IfNotPresent", secrets=secrets, progress=None)
            except ImageError as error:
                refusal = error
            else:
                return True
        if self.archives and await self.archives.again(image.id):
            return True
        if refusal:
            raise refusal
        return False

    async def _retire_broken(self, reference: str) -> None:
        """What is broken and still mounted is for those only that have it already."""
        found = self._catalogue.find(reference)
        for diff_id in found.layers if found else ():
            if self._layers.find(diff_id) is None:
                await self._roots.retire(diff_id)
