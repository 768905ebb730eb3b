"""Roots of containers and of volumes: layers are mounted once, shared, and gone with their last user; a root is an
overlay of them.

Nothing is written down. After a restart the mounts themselves tell: an overlay's source is its image's id.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from hostpod.host.mount import IdMap, MountError, bind, mounts, overlay, unmount
from hostpod.images.errors import LayerMountError
from hostpod.images.layers import SUFFIX, LayerFiles
from hostpod.images.loop import mount_squashfs
from hostpod.images.mapped import mount_mapped

# Of a diff id's 64 digits: enough to be unique, and short, because the paths of all layers are options of one mount.
SHORT = 16
# An image without layers still needs something below its writable layer, and an overlay that has none needs two.
EMPTY = "empty"
NOTHING = "nothing"

log = logging.getLogger(__name__)

_DESCRIPTORS = "/proc/self/fd/"
_NAMES = re.compile(rf"/([0-9a-f]{{{SHORT}}})(?=[:,]|$)")


class Roots:
    """Mount points of layers are below `directory`; what nobody waits for runs in `tasks`."""

    def __init__(self, directory: Path, layers: LayerFiles, tasks: asyncio.TaskGroup) -> None:
        self._directory = directory
        self._layers = layers
        self._tasks = tasks
        self._users: dict[Path, tuple[str, tuple[str, ...]]] = {}
        self._mounted: dict[str, str] = {}  # mount point's name to diff id
        self._locks: dict[str, asyncio.Lock] = {}
        self._found: frozenset[str] = frozenset()  # names of layers that overlays of an earlier daemon have
        self._retired = 0

    def open(self, images: Mapping[str, Sequence[str]]) -> None:
        """See what is mounted. `images` has the diff ids of each image id; what no root uses is unmounted."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = self._directory.resolve()
        for name in (EMPTY, NOTHING):
            (self._directory / name).mkdir(exist_ok=True)
        names = {_name(diff_id): diff_id for diff_ids in images.values() for diff_id in diff_ids}
        entries = mounts()
        ours = [entry for entry in entries if entry.fstype == "overlay" and self._is_ours(entry.super_options)]
        self._found = frozenset(_NAMES.findall(",".join(option for entry in ours for option in entry.super_options)))
        for entry in entries:
            if entry.target.parent == self._directory:
                self._mounted[entry.target.name] = names.get(entry.target.name, "")
            elif entry in ours and entry.source in images:
                self._users[entry.target] = (entry.source, tuple(images[entry.source]))
        for name in self._unused():
            self._unmount(name)
            del self._mounted[name]

    def _is_ours(self, options: Iterable[str]) -> bool:
        """Of this instance: its layers, or (many layers on an old kernel) descriptors."""
        return any(
            option.startswith("lowerdir") and (str(self._directory) in option or _DESCRIPTORS in option)
            for option in options
        )

    def in_use(self) -> frozenset[str]:
        """Ids of the images that roots are mounted from."""
        return frozenset(image_id for image_id, _ in self._users.values())

    def uses(self, diff_id: str) -> bool:
        """Whether a root is mounted that has this layer."""
        return any(diff_id in diff_ids for _, diff_ids in self._users.values())

    def image_of(self, target: Path) -> str | None:
        """The id of the image that is mounted there."""
        found = self._users.get(_as_mountinfo_has_it(target))
        return found[0] if found else None

    def may_be_found(self, diff_id: str) -> bool:
        """Whether a root that an earlier daemon has mounted has this layer, even if its image is not known any more."""
        return _name(diff_id) in self._found

    async def mount(
        self,
        image_id: str,
        diff_ids: Sequence[str],
        *,
        target: Path,
        upper: Path | None = None,
        work: Path | None = None,
        idmap: IdMap | None = None,
        label: str = "",
    ) -> None:
        """Mount an image's root, read-only without `upper` and `work`. LayerMountError, and nothing is mounted then."""
        lowest_first = tuple(dict.fromkeys(reversed(diff_ids)))[::-1]
        target = _as_mountinfo_has_it(target)
        self._users[target] = (image_id, lowest_first)
        retired = self._retired
        try:
            await self._mount_layers(lowest_first)
            lower = [self._directory / _name(each) for each in reversed(lowest_first)]
            wanted = 2 if upper is None else 1
            padding = [self._directory / name for name in (EMPTY, NOTHING)[: max(0, wanted - len(lower))]]
            plain = padding if lower else ()  # of an image without a layer it is the top, which belongs to somebody
            lower += padding
            mounting = overlay if idmap is None else partial(mount_mapped, idmap=idmap, plain=plain)
            volatile = upper is not None
            mounting = partial(mounting, lower, upper, work, target, source=image_id, volatile=volatile, label=label)
            await self._to_its_end(_done(mounting), f"mount {target}")
            self._check_none_went(retired)
        except BaseException:
            self._forget(target)
            await asyncio.to_thread(unmount, target)
            raise

    def _check_none_went(self, retired: int) -> None:
        if self._retired != retired:  # it may have an empty mount point in a layer's place
            raise LayerMountError("a layer was found to be corrupt meanwhile")

    async def _to_its_end(self, work: Coroutine[None, None, LayerMountError | None], name: str) -> None:
        """What the kernel has begun to mount must be known as mounted: one who is cancelled waits for the end of it."""
        task = self._tasks.create_task(work, name=name)
        try:
            error = await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise
        if error:
            raise error

    async def retire(self, diff_id: str) -> None:
        """Whoever has this layer mounted keeps it, and who comes next gets the one that is in the store by then."""
        async with self._lock(name := _name(diff_id)):
            if self._mounted.pop(name, None) is not None:
                self._retired += 1
                # Overlays hold copies of the mounts below them.
                await asyncio.to_thread(self._unmount, name)

    async def unmount(self, target: Path) -> None:
        """Unmount a root, and in the background the layers that nobody else uses. A root that is none is fine."""
        target = _as_mountinfo_has_it(target)
        try:
            await asyncio.to_thread(unmount, target)
        except MountError as error:
            raise LayerMountError(str(error)) from error
        self._forget(target)

    def _forget(self, target: Path) -> None:
        if self._users.pop(target, None):
            self._release_unused()

    def _unused(self) -> list[str]:
        used = {_name(diff_id) for _, diff_ids in self._users.values() for diff_id in diff_ids}
        return [name for name in self._mounted if name not in used]

    async def _mount_layers(self, diff_ids: Sequence[str]) -> None:
        """Users are noted before this and layers are released under the same locks, so none goes while it is wanted."""
        if any(self._mounted.get(_name(each), each) != each for each in diff_ids):
            raise LayerMountError("two layers have digests that begin alike")
        missing = sorted(each for each in diff_ids if _name(each) not in self._mounted)
        if missing:
            await self._to_its_end(self._mount_missing(missing), "mount layers")

    async def _mount_missing(self, diff_ids: Sequence[str]) -> LayerMountError | None:
        async with AsyncExitStack() as locks:
            for diff_id in diff_ids:
                await locks.enter_async_context(self._lock(_name(diff_id)))
            for diff_id in diff_ids:
                if _name(diff_id) not in self._mounted:
                    try:
                        await asyncio.to_thread(self._mount_layer, diff_id)
                    except (OSError, LayerMountError) as error:
                        self._release_unused()
                        return LayerMountError(str(error))
                    self._mounted[_name(diff_id)] = diff_id
        self._release_unused()
        return None

    def _mount_layer(self, diff_id: str) -> None:
        source, target = self._layers.find(diff_id), self._directory / _name(diff_id)
        if source is None:
            raise LayerMountError(f"layer {diff_id} is no longer in the store: pull the image again")
        target.mkdir(exist_ok=True)
        if source.suffix == SUFFIX:
            mount_squashfs(source, target)
        else:
            bind(source, target, read_only=True)

    def _release_unused(self) -> None:
        for name in self._unused():
            self._tasks.create_task(self._release(name), name=f"unmount layer {name}")

    async def _release(self, name: str) -> None:
        async with self._lock(name):
            if name in self._unused():
                diff_id = self._mounted.pop(name)
                try:
                    await asyncio.to_thread(self._unmount, name)
                except OSError as error:
                    log.warning("a layer stays mounted: %s", error)
                    self._mounted[name] = diff_id

    def _unmount(self, name: str) -> None:
        target = self._directory / name
        unmount(target)
        target.rmdir()

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())


async def _done(mounting: Callable[[], None]) -> LayerMountError | None:
    try:
        # In a thread: making the work directory waits for the file system's journal.
        await asyncio.to_thread(mounting)
    except MountError as error:
        return LayerMountError(str(error))
    except OSError as error:  # no room for the directories that are needed for it
        return LayerMountError(f"{error.filename or 'layers'}: {error.strerror}")
    return None


def _name(diff_id: str) -> str:
    return diff_id.partition(":")[2][:SHORT]


def _as_mountinfo_has_it(target: Path) -> Path:
    """Without links, so that users can be told from the mounts after a restart."""
    return target.resolve()
