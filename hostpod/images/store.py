"""The image store, put together: what there is, what is being pulled, and the roots that are mounted from it.

STATE/index.json     which images there are
STATE/blobs/sha256   their manifests and configurations, by digest
STATE/uses.json      when each came and was used last
STATE/layers         their layers, by digest of the unpacked archive
STATE/preloaded.json archives that were loaded from the directory for machines that are never online
STATE/tmp            what is being made; emptied at every start
RUNTIME/DIGEST       a layer that is mounted, for as long as a root needs it
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hostpod.config import BinariesConfig, ImagesConfig
from hostpod.host.clock import now
from hostpod.host.mount import IdMap
from hostpod.images.bounds import Bounds
from hostpod.images.build import Builder
from hostpod.images.catalogue import Catalogue
from hostpod.images.door import Door
from hostpod.images.errors import ImageInspectError, ImageInUseError
from hostpod.images.holdings import Holdings
from hostpod.images.image import Image, Progress, PullPolicy
from hostpod.images.index import ImageRecord
from hostpod.images.keyring import PullSecret
from hostpod.images.layers import LayerFiles
from hostpod.images.loop import squashfs_mounts_work
from hostpod.images.manifest import ManifestError, parse_document
from hostpod.images.node_credentials import NodeCredentials
from hostpod.images.preload import Preload, Preloaded
from hostpod.images.puller import Puller
from hostpod.images.removals import Removals, emptied
from hostpod.images.rootfs import Roots
from hostpod.images.skopeo import Skopeo
from hostpod.images.supply import Supply
from hostpod.images.uses import Use, Uses
from hostpod.images.verify import Checked, Verifier
from hostpod.images.workshop import Workshop

# As many as may be set. A thread is made when there is work for it; how much there is at once the workshop decides.
_MOST_LAYERS_AT_ONCE = 64


class ImageStore:
    """Use it as an asynchronous context manager: `async with ImageStore(...) as store`.

    `state` keeps images and layers, `runtime` has the layers' mount points and must be empty after a reboot. Leaving it
    ends pulls, and what is mounted stays mounted. Raises ImageError.
    """

    def __init__(self, config: ImagesConfig, binaries: BinariesConfig, *, state: Path, runtime: Path) -> None:
        self._config = config
        self._binaries = binaries
        self._state = state
        self._runtime = runtime
        self._uses = Uses(state / "uses.json", now=now)
        self._told_of_new: list[Callable[[], None]] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Clean up what a crash has left, and see what is there and what is mounted."""
        async with AsyncExitStack() as stack:
            threads = ThreadPoolExecutor(_MOST_LAYERS_AT_ONCE, thread_name_prefix="layer")
            stack.callback(threads.shutdown)
            tasks = self._tasks = asyncio.TaskGroup()
            self._open(threads, tasks)
            stack.callback(self._uses.close)
            await stack.enter_async_context(tasks)
            stack.callback(self._cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not told of the error: a task group would wrap it, and it is not about the store.
        await self._stack.aclose()

    def _cancel(self) -> None:
        self._supply.pulls.cancel()
        self._verifier.cancel()

    def _open(self, threads: ThreadPoolExecutor, tasks: asyncio.TaskGroup) -> None:
        self._removals = Removals(tasks)
        scratch = emptied(self._state / "tmp")
        squashfs = squashfs_mounts_work(scratch)
        self._layers = LayerFiles(
            self._state / "layers",
            scratch=scratch,
            as_directories=self._config.layers == "directory" or (self._config.layers == "auto" and not squashfs),
            mounts_squashfs=squashfs,
            sqfs2tar=_sibling(self._binaries.tar2sqfs, "sqfs2tar"),
        )
        self._layers.open()
        self._catalogue = Catalogue(self._state, self._layers.contents)
        self._catalogue.open(self._layers.have)
        self._uses.open(self._catalogue.layers().keys())
        self._roots = Roots(self._runtime, self._layers, tasks)
        self._roots.open(self._catalogue.layers())
        self._layers.keep_only(self._catalogue.diff_ids(), self._roots.may_be_found)
        self._holdings = Holdings(self._catalogue, self._layers, self._removals)
        self._verifier = Verifier(self._catalogue, self._layers, self._roots, tasks)
        self._puller = self._new_puller(threads, scratch)
        self._door = Door(self._catalogue, self._config)
        self._supply = Supply(
            catalogue=self._catalogue,
            layers=self._layers,
            holdings=self._holdings,
            roots=self._roots,
            door=self._door,
            puller=self._puller,
            tasks=tasks,
            came=self._came,
        )

    def _new_puller(self, threads: ThreadPoolExecutor, scratch: Path) -> Puller:
        largest, most = self._config.max_layer_size.value, self._config.max_layer_files
        builder = Builder(self._binaries.tar2sqfs, threads, Bounds(size_bytes=largest, entries=most))
        self._workshop = workshop = Workshop(self._layers, builder, at_once=self._config.max_parallel_layers)
        self._skopeo = Skopeo(self._binaries.skopeo, self._config)
        self._node = NodeCredentials(self._config)
        for record in self._catalogue.records():
            for layer in record.layers:
                workshop.learn(layer.blob, layer.blob_bytes, layer.diff_id)
        return Puller(
            skopeo=self._skopeo,
            node=self._node,
            workshop=workshop,
            catalogue=self._catalogue,
            layers=self._layers,
            holdings=self._holdings,
            scratch=scratch,
            at_once=self._config.max_parallel_pulls,
            deadline_s=self._config.pull_deadline_s,
            kept=self._verifier.note,
        )

    def reconfigure(self, config: ImagesConfig) -> None:
        """Other numbers and deadlines for pulls. The form of layers must be as it was."""
        self._config = config
        self._workshop.reconfigure(at_once=config.max_parallel_layers)
        self._puller.reconfigure(at_once=config.max_parallel_pulls, deadline_s=config.pull_deadline_s)
        self._skopeo.reconfigure(config)
        self._node.reconfigure(config)
        self._door.reconfigure(config)

    def find(self, reference: str) -> Image | None:
        """An image that is here, by name, digest or id."""
        return self._catalogue.find(reference)

    def list(self) -> tuple[Image, ...]:
        """All images that are here."""
        return self._catalogue.images()

    def is_at_hand(self, reference: str, secrets: Sequence[PullSecret] = ()) -> bool:
        """Whether the image is here and a pod with these Secrets gets it without a question to the registry."""
        return self._supply.at_hand(reference, secrets) is not None

    async def ensure(
        self,
        reference: str,
        *,
        policy: PullPolicy,
        secrets: Sequence[PullSecret] = (),
        progress: Callable[[Progress], None] | None = None,
    ) -> Image:
        """The image, pulled where the policy asks for it, or where the Secrets are not known to open its repository.
        Several who want one image with the same credentials share its pull, and each may be cancelled without harm to
        the others."""
        return await self._supply.ensure(reference, policy=policy, secrets=secrets, progress=progress)

    def pulling(self) -> int:
        """How many images are on their way from registries."""
        return len(self._supply.pulls)

    def watch_pulls(self, changed: Callable[[], None]) -> None:
        """Be told when that changes."""
        self._supply.pulls.changed = changed

    async def preloaded(self, reference: str) -> None:
        """Unless the image is here: until the archives are loaded that may have it, once more if it was removed."""
        await self._supply.preloaded(reference)

    async def load(self, archive: Path) -> tuple[Image, ...]:
        """Take in the images of an archive: docker save, or an OCI layout in a tar file or as a directory."""
        images = await self._puller.load(archive)
        self._came(*images)
        return images

    def preload(self, directory: Path, tell: Callable[[Preloaded], None]) -> None:
        """From now on have the images of the archives in a directory. Who wants an image that is not here waits until
        those are loaded that are there now."""
        self._supply.archives = Preload(directory, self._state / "preloaded.json", self.load)
        task = self._tasks.create_task(self._supply.archives.run(tell), name="preload")
        self._stack.callback(task.cancel)

    async def verify(
        self, images: Sequence[Image], secrets: Callable[[Image], Sequence[PullSecret]] = lambda _: ()
    ) -> AsyncGenerator[Checked, None]:
        """Read all layers of these images and compare them with what was built. What is broken is taken out, so that
        nothing starts from it, and fetched again, also with the `secrets` of those who use it."""

        async def mend(image: Image) -> bool:
            return await self._supply.again(image, secrets(image))

        async with aclosing(self._verifier.run(images, mend)) as found:
            async for checked in found:
                yield checked

    async def remove(self, image: Image, *, needed: Callable[[], bool] = lambda: False) -> int:
        """Remove an image, and those of its layers that no other image has. ImageInUseError while roots need it, or
        where it is `needed` for what comes: that is asked at the last moment. How many octets that frees, a moment
        later (`settled`): a file system takes its time for big files, and for many."""

        def must_stay() -> bool:
            return needed() or image.id in self._roots.in_use()

        sizes = self.record(image).sizes()
        try:
            if not await self._catalogue.remove(image.id, unless=must_stay) and must_stay():
                name = image.references[0] if image.references else image.id
                raise ImageInUseError(f'cannot remove "{name}": containers or volumes are made of it')
        finally:
            if self._catalogue.find(image.id) is None:  # also where who asked for it does not wait any more
                self._uses.forget(image.id)
                self._holdings.drop(image.layers)
        return sum(sizes[layer] for layer in sizes.keys() - self._catalogue.diff_ids())

    async def settled(self) -> None:
        """Wait until what was dropped is free."""
        await self._removals.settled()

    async def free_loose(self) -> None:
        """Free the layers that no image has and no pull counts on."""
        await self._holdings.free_loose()

    async def untag(self, image: Image, name: str) -> None:
        """Take one of its names away from an image, which keeps others."""
        await self._catalogue.untag(image.id, name)

    def record(self, image: Image) -> ImageRecord:
        """What is written down of an image; of one that is gone an empty record."""
        found = (record for record in self._catalogue.records() if record.id == image.id)
        return next(found, ImageRecord(id=image.id, references=(), repo_digests=(), manifest="", layers=()))

    def configuration(self, image: Image) -> Mapping[str, Any]:
        """What the image's configuration says, as OCI has it. ImageInspectError where it cannot be read."""
        try:
            return parse_document(self._catalogue.content(image.id))
        except (OSError, ManifestError) as error:
            raise ImageInspectError(f"cannot read the configuration of {image.id}: {error}") from error

    def use(self, image: Image) -> Use:
        """When an image came, and when it was used last: now where a root is made of it."""
        use = self._uses.of(image.id)
        return replace(use, used=now()) if image.id in self._roots.in_use() else use

    def in_use(self) -> frozenset[str]:
        """Ids of the images that roots are made of."""
        return self._roots.in_use()

    def tell_of_new(self, told: Callable[[], None]) -> None:
        """Call this when images have come."""
        self._told_of_new.append(told)

    def _came(self, *images: Image) -> None:
        for image in images:
            self._uses.note(image.id)
        for told in self._told_of_new:
            told()

    async def mount_rootfs(
        self, image: Image, *, upper: Path, work: Path, target: Path, idmap: IdMap | None = None, label: str = ""
    ) -> None:
        """Mount a container's root on `target`: the image's layers below `upper`. The three directories must exist,
        `upper` and `work` empty and on one file system. With `idmap` its files belong to ids of that user namespace,
        with `label` they all have this one of SELinux's."""
        await self._roots.mount(image.id, image.layers, upper=upper, work=work, target=target, idmap=idmap, label=label)
        self._uses.note(image.id)

    async def mount_volume(self, image: Image, *, target: Path, idmap: IdMap | None = None) -> None:
        """Mount the files of an image on `target`, which must exist, read-only. The image is in use until the root is
        unmounted, also by another daemon."""
        await self._roots.mount(image.id, image.layers, target=target, idmap=idmap)
        self._uses.note(image.id)

    def mounted(self, target: Path) -> str | None:
        """The id of the image whose files are mounted on `target`."""
        return self._roots.image_of(target)

    async def unmount_rootfs(self, target: Path) -> None:
        """Unmount a root; nothing where none is mounted. Layers that nobody uses any more follow in the background."""
        image = self._roots.image_of(target)
        await self._roots.unmount(target)
        if image is not None:
            self._uses.note(image)


def _sibling(program: str, name: str) -> str:
    """Another program of the same package, beside it or on PATH."""
    beside = Path(program).with_name(name)
    return str(beside) if "/" in program and beside.exists() else name
