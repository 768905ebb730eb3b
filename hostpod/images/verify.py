"""What is on the disk, read again and compared with what was built; what is broken is taken out and fetched again.

A layer that is corrupt goes before another one is there: nothing starts from it meanwhile. Who runs on it keeps it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hostpod.host.store import StoreError
from hostpod.images.catalogue import Catalogue
from hostpod.images.errors import ImageError
from hostpod.images.image import Image
from hostpod.images.layers import LayerFiles
from hostpod.images.rootfs import Roots

log = logging.getLogger(__name__)

State = Literal["ok", "noted", "mended", "corrupt", "lost"]

# Fetches an image anew from one of its sources, True where there was any. Raises ImageError.
Mend = Callable[[Image], Awaitable[bool]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A part of an image: a layer by its diff id, or a manifest or configuration by its digest.

    `noted`: it was not known what it should be, and from now on it is. `corrupt`: and could not be fetched again.
    `lost`: and nobody knows where it came from. `images` are names of the images that it belongs to.
    """

    digest: str
    images: tuple[str, ...]
    state: State
    message: str = ""


@dataclass(kw_only=True, slots=True)
class _Broken:
    what: str
    digest: str
    images: list[Image] = field(default_factory=list)


class Verifier:
    """Knows what layers were when they came, and looks what they are: one look at a time. What nobody waits for runs
    in `tasks`."""

    def __init__(self, catalogue: Catalogue, layers: LayerFiles, roots: Roots, tasks: asyncio.TaskGroup) -> None:
        self._catalogue = catalogue
        self._layers = layers
        self._roots = roots
        self._tasks = tasks
        self._looking = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._noting: set[asyncio.Task[None]] = set()

    def note(self, image: Image) -> None:
        """Write down what the layers of an image are that has just come. Nobody waits for that: reading them takes as
        long as a fifth of a pull."""
        task = self._tasks.create_task(self._note(image), name=f"digests {image.id}")
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    def cancel(self) -> None:
        """Write no more down. What is not known a verification will note."""
        for task in self._noting:
            task.cancel()

    async def run(self, images: Sequence[Image], mend: Mend) -> AsyncGenerator[Checked, None]:
        """Each part as soon as it is known how it is: first what is right, then what was not. `mend` fetches what is
        missing of an image."""
        if self._noting:
            await asyncio.wait(self._noting)
        async with self._looking:
            broken: list[_Broken] = []
            async for each in self._compared(images, broken):
                yield each
            for part in broken:
                yield await self._mended(part, mend)

    async def _compared(self, images: Sequence[Image], broken: list[_Broken]) -> AsyncGenerator[Checked, None]:
        """What is right; what is not is taken out and comes to `broken`."""
        for image in images:
            broken += [
                _Broken(what="manifest or configuration", digest=digest, images=[image])
                for digest in await asyncio.to_thread(self._catalogue.discard_broken, image)
            ]
        for diff_id in dict.fromkeys(diff_id for image in images for diff_id in image.layers):
            users = [image for image in self._catalogue.images() if diff_id in image.layers]
            state = await self._look(diff_id)
            users = [image for image in users if self._is_here(image)]
            if state and users:
                yield Checked(digest=diff_id, images=_names(users), state=state)
            elif users:
                await self._take_out(diff_id)
                broken.append(_Broken(what="layer", digest=diff_id, images=users))

    async def _look(self, diff_id: str) -> State | None:
        """None where it is corrupt or missing."""
        if self._layers.find(diff_id) is None:
            return None
        expected = self._layers.contents.get(diff_id)
        try:
            found = await self._layers.content(diff_id)
        except (OSError, KeyError):  # a disk that cannot be read
            return None
        if expected is None:
            self._layers.contents[diff_id] = found
            await self._catalogue.note_contents()
            return "noted"
        return "ok" if found == expected else None

    async def _take_out(self, diff_id: str) -> None:
        in_use = self._roots.uses(diff_id)
        await self._roots.retire(diff_id)
        await self._layers.take_out(diff_id, in_use=in_use)

    async def _mended(self, broken: _Broken, mend: Mend) -> Checked:
        state, message = await self._try(broken, mend)
        what = f"{broken.what} {broken.digest} of {', '.join(_names(broken.images))}"
        text = f"{what} is corrupt: {message}" if message else f"{what} was corrupt and was fetched again"
        return Checked(digest=broken.digest, images=_names(broken.images), state=state, message=text)

    async def _try(self, broken: _Broken, mend: Mend) -> tuple[State, str]:
        refusal = ""
        for image in filter(self._is_here, broken.images):
            if self._is_there(broken):
                break
            try:
                if not await mend(image):
                    continue
            except ImageError as error:
                refusal = str(error)
        if self._is_there(broken):
            return "mended", ""
        if refusal:
            return "corrupt", f"{refusal}; nothing starts from it until it can be fetched"
        return "lost", "it came from an archive that is not here any more; load it again by hostpod image load"

    def _is_here(self, image: Image) -> bool:
        """Not removed meanwhile."""
        return self._catalogue.find(image.id) is not None

    def _is_there(self, broken: _Broken) -> bool:
        if broken.what == "layer":
            return self._layers.find(broken.digest) is not None
        return all(self._catalogue.have(image) for image in broken.images)

    async def _note(self, image: Image) -> None:
        async with self._reading:  # one after another: others want the disk and threads as well
            await self._note_layers(image)

    async def _note_layers(self, image: Image) -> None:
        missing = [diff_id for diff_id in dict.fromkeys(image.layers) if diff_id not in self._layers.contents]
        found: dict[str, str] = {}
        for diff_id in missing:
            try:
                found[diff_id] = await self._layers.content(diff_id)
            except (OSError, KeyError) as error:
                if self._layers.find(diff_id):  # else it was removed meanwhile
                    log.warning("layer %s cannot be read: %s", diff_id, error)
        if not found:
            return
        self._layers.contents.update(found)
        try:
            await self._catalogue.note_contents()
        except StoreError as error:
            log.warning("%s", error)


def _names(images: Sequence[Image]) -> tuple[str, ...]:
    return tuple((image.references or image.repo_digests or (image.id,))[0] for image in images)
