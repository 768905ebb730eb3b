"""What people ask of images: all there is to know of one, away with one, away with those that nobody uses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from hostpod.engine.edges import Edges
from hostpod.engine.image_garbage import name_of, names_of, stored_images
from hostpod.engine.image_users import ImageUsers
from hostpod.engine.refusals import REFUSALS
from hostpod.images import Image
from hostpod.kube.api_status import StatusError
from hostpod.plan.image_garbage import freed_bytes, is_pinned, pruned
from hostpod.plan.timestamp import timestamp

Json = Mapping[str, Any]


class ImageOrders:
    """Raises StatusError."""

    def __init__(self, edges: Edges, users: ImageUsers) -> None:
        self._edges = edges
        self._users = users

    async def inspect(self, reference: str) -> Json:
        """Everything about an image; its configuration and history are as OCI has them."""
        image, store = self.found(reference), self._edges.images
        record = store.record(image)
        try:
            said = await asyncio.to_thread(store.configuration, image)
        except REFUSALS as error:
            raise StatusError("InternalError", str(error)) from error
        use = store.use(image)
        return {
            **shown(image),
            "manifestDigest": record.manifest,
            "architecture": said.get("architecture", ""),
            "os": said.get("os", ""),
            "config": said.get("config") or {},
            "history": said.get("history") or [],
            "layers": [
                {
                    "digest": layer.blob, "sizeBytes": layer.size_bytes, "diffId": layer.diff_id,
                    "compressedBytes": layer.blob_bytes,
                }
                for layer in record.layers
            ],
            "came": timestamp(use.came),
            "lastUsed": timestamp(use.used),
            "pods": list(self._users.all().get(image.id, ())),
            "pinned": is_pinned(names_of(image), self._edges.config.images.pinned),
        }  # fmt: skip

    async def remove(self, reference: str) -> Json:
        """Take a name away from an image, and with its last one the image; by its id it goes with all its names."""
        image, store = self.found(reference), self._edges.images
        name = image.called(reference)
        try:
            if name is not None and store.record(image).keeps_a_name_without(name):
                self._check_unnamed(image, name)
                await store.untag(image, name)
                return {"untagged": [name], "removed": None, "freedBytes": 0}
            self._check_unused(image)
            freed = await store.remove(image, needed=lambda: self._users.in_use(image))
        except REFUSALS as error:
            self._check_unused(image)  # a pod that came meanwhile is named
            raise StatusError("Conflict", str(error)) from error
        return {"untagged": list(image.references), "removed": image.id, "freedBytes": freed}

    async def prune(self, *, everything: bool, dry_run: bool) -> Json:
        """Remove the images that no pod uses and that are not pinned: those without a tag, or `everything`."""
        stored = stored_images(self._edges, self._users)
        chosen = pruned(stored, everything=everything)
        going = [image for image in self._edges.images.list() if image.id in chosen]
        if dry_run:
            return {
                "images": [shown(image) for image in going],
                "freedBytes": freed_bytes(stored, {i.id for i in going}),
            }
        gone, freed = [], 0
        for image in going:
            try:
                freed += await self._pruned(image)
            except REFUSALS:  # a pod has just taken it, or the disk refuses: what can go goes
                continue
            gone.append(shown(image))
        return {"images": gone, "freedBytes": freed}

    async def _pruned(self, image: Image) -> int:
        return await self._edges.images.remove(image, needed=lambda: self._users.in_use(image))

    def found(self, reference: str) -> Image:
        """One that is here, by name, digest or id."""
        image = self._edges.images.find(reference)
        if image is None:
            raise StatusError("NotFound", f'image "{reference}" is not on this host')
        return image

    def _check_unused(self, image: Image) -> None:
        users = self._users.all().get(image.id)
        if users:
            raise StatusError("Conflict", f'cannot remove image "{name_of(image)}": {_pods_text(users)}')

    def _check_unnamed(self, image: Image, name: str) -> None:
        """A pod that names the image by this name would not find it any more."""
        users = self._users.by_name(image, name)
        if users:
            raise StatusError("Conflict", f'cannot remove the name "{name}": {_pods_text(users)}')


def shown(image: Image) -> Json:
    """An image as lists have it."""
    return {
        "id": image.id,
        "references": list(image.references),
        "repoDigests": list(image.repo_digests),
        "sizeBytes": image.size_bytes,
        "created": image.created,
    }


def _pods_text(users: Sequence[str]) -> str:
    return f"pod{'s' if len(users) > 1 else ''} {', '.join(users)} use{'' if len(users) > 1 else 's'} it"
