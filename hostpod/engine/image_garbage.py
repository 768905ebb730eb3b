"""Unused images go when the disk is full or they are too old (docs/decisions/0321-images-go-by-last-use.md).

It is looked when an image came, when one may be unused from now on, when the watch for pressure looks at the disk, and
when one becomes old enough. In between nothing is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from hostpod.config import ImagesConfig
from hostpod.engine.edges import Edges
from hostpod.engine.image_users import ImageUsers
from hostpod.engine.refusals import REFUSALS
from hostpod.host.clock import now
from hostpod.host.left import space_left
from hostpod.images import Image
from hostpod.plan.image_garbage import Garbage, GarbageRule, StoredImage, image_garbage, is_pinned, wanted_bytes
from hostpod.plan.pressure import Reading

TOLD_EVERY_S = 300.0  # the kubelet's interval of image garbage collection
SETTLED_S = 1.0  # many pods change at once, and that is one look


class ImageGarbage:
    """Run it as one task."""

    def __init__(self, edges: Edges, users: ImageUsers) -> None:
        self._edges = edges
        self._users = users
        self._woken = asyncio.Event()
        self._collecting = asyncio.Lock()
        self._waits_for_unused = False
        self._told_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        edges.images.tell_of_new(self._woken.set)

    def pods_changed(self) -> None:
        """A pod came, changed or went. Cheap: most of the time nobody waits for an image that is used no more."""
        if self._waits_for_unused and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SETTLED_S, self._settled)

    def _settled(self) -> None:
        self._timer = None
        self._woken.set()

    def look_now(self) -> None:
        """Other settings hold."""
        self._woken.set()

    async def run(self) -> None:
        """Collect until cancelled."""
        while True:
            self._woken.clear()
            garbage = await self.collect()
            wait_s = None if garbage.wake_at is None else max(0.1, garbage.wake_at - now())
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()

    async def collect(self, *, more: int = 0) -> Garbage:
        """Remove what is to go now; `more` octets are wanted besides. What went, and when to look again."""
        async with self._collecting:
            await self._edges.images.settled()  # what went before is free: else too much would go now
            rule, disk = rule_of(self._edges.config.images), self._disk()
            if more or wanted_bytes(rule, disk):
                await self._edges.images.free_loose()
                disk = self._disk()
            wanted = wanted_bytes(rule, disk)
            if not (wanted or more or rule.maximum_age_s):
                self._waits_for_unused, self._told_at = False, None
                return Garbage()
            images = stored_images(self._edges, self._users)
            garbage = image_garbage(images, rule, disk, now(), more=more)
            gone = [image for image in garbage.going if await self._remove(image)]
            self._tell_of_too_little(wanted, garbage.frees)
            # An image that pods use now may go later: for room, or because it is too old then.
            self._waits_for_unused = garbage.frees < garbage.wanted or rule.maximum_age_s > 0
            return replace(garbage, going=tuple(gone))

    def _disk(self) -> Reading | None:
        left = space_left((self._edges.paths.images,))
        return Reading(available=left[0], capacity=left[1]) if left else None

    async def _remove(self, identity: str) -> bool:
        images = self._edges.images
        image = images.find(identity)
        if image is None or self._users.in_use(image):
            return False
        name, unused_s = name_of(image), now() - images.use(image).used
        try:
            freed = await images.remove(image, needed=lambda: self._users.in_use(image))
        except REFUSALS as error:
            self._edges.events.node("Warning", "ImageGCFailed", f'cannot remove image "{name}": {error}')
            return False
        self._edges.events.node(
            "Normal", "ImageRemoved", f'Removed image "{name}", unused for {unused_s:.0f}s; {freed} bytes are free'
        )
        return True

    def _tell_of_too_little(self, wanted: int, frees: int) -> None:
        """In the kubelet's words and as often; the second time in a row also as its ImageGCFailed."""
        at = now()
        if frees >= wanted:
            self._told_at = None
        elif self._told_at is None or not 0 <= at - self._told_at < TOLD_EVERY_S:
            words = (
                f"Failed to garbage collect required amount of images. Attempted to free {wanted} bytes, but only "
                f"found {frees} bytes eligible to free."
            )
            self._edges.events.node("Warning", "FreeDiskSpaceFailed", words)
            if self._told_at is not None:
                self._edges.events.node("Warning", "ImageGCFailed", words)
            self._told_at = at


def rule_of(config: ImagesConfig) -> GarbageRule:
    """The settings as the decision wants them."""
    return GarbageRule(
        high_percent=config.gc_high_threshold_percent,
        low_percent=config.gc_low_threshold_percent,
        minimum_age_s=config.minimum_gc_age_s,
        maximum_age_s=config.maximum_gc_age_s,
    )


def stored_images(edges: Edges, users: ImageUsers) -> Sequence[StoredImage]:
    """All images as the decision sees them."""
    store, patterns = edges.images, edges.config.images.pinned
    needed = store.in_use() | users.all().keys()
    return [
        StoredImage(
            id=image.id,
            layers=store.record(image).sizes(),
            came=(use := store.use(image)).came,
            used=use.used,
            kept=image.id in needed or is_pinned(names_of(image), patterns),
            tagged=bool(image.references),
        )
        for image in store.list()
    ]


def names_of(image: Image) -> tuple[str, ...]:
    """Everything that an image may be called by, but its id."""
    return (*image.references, *image.repo_digests)


def name_of(image: Image) -> str:
    """What people know it by."""
    return next(iter(names_of(image)), image.id)
