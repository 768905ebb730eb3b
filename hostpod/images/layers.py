"""The layers on disk, named by the digest of what is in them: a squashfs file or a directory each, whole or absent."""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from hostpod.host.store import remove_tree, sync_directory
from hostpod.images.build import Built
from hostpod.images.commands import command, pipe
from hostpod.images.errors import ImagePullError, LayerGoneError
from hostpod.images.in_thread import in_thread
from hostpod.images.integrity import content_digest, looks_whole

SUFFIX = ".squashfs"

_PREFIX = "sha256:"
_RETIRED = ".retired"
_UNTAR = ("--extract", "--preserve-permissions", "--same-owner", "--numeric-owner", "--xattrs", "--xattrs-include=*")

_numbers = itertools.count()
_libc = ctypes.CDLL(None, use_errno=True)


class LayerFiles:
    """What is in `directory`, by diff id. `as_directories` says what new layers become; squashfs files count only
    where this host can mount them."""

    def __init__(
        self, directory: Path, *, scratch: Path, as_directories: bool, mounts_squashfs: bool, sqfs2tar: str
    ) -> None:
        self._directory = directory
        self._scratch = scratch
        self._as_directories = as_directories
        self._mounts_squashfs = mounts_squashfs
        self._sqfs2tar = sqfs2tar
        self._paths: dict[str, Path] = {}
        self.contents: dict[str, str] = {}
        """The digests of what layers were when they were built, by diff id, as far as they are known."""

    def open(self) -> None:
        """Look what is there."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        usable = (SUFFIX, "") if self._mounts_squashfs else ("",)
        found = sorted(path for path in self._directory.iterdir() if path.suffix in usable)
        self._paths = {_PREFIX + path.stem: path for path in found}

    def check_form(self) -> None:
        """ImagePullError where what new layers become cannot be mounted here."""
        if not (self._as_directories or self._mounts_squashfs):
            raise ImagePullError(
                "images.layers is squashfs, and this host has no loop devices or no squashfs: set it to auto"
            )

    def find(self, diff_id: str) -> Path | None:
        """A squashfs file, or a directory; None where the layer is not here, here no more, or obviously broken."""
        path = self._paths.get(diff_id)
        return path if path and looks_whole(path) else None

    async def content(self, diff_id: str) -> str:
        """The digest of what a layer is now. OSError where it cannot be read, KeyError where it is not here."""
        return await asyncio.to_thread(_content, self._paths[diff_id])

    def have(self, diff_ids: Iterable[str]) -> bool:
        """Whether all these layers are here."""
        return all(self.find(diff_id) for diff_id in diff_ids)

    def all(self) -> Collection[str]:
        """The diff ids of all layers that are here."""
        return self._paths.keys()

    def keep_only(self, diff_ids: Collection[str], in_use: Callable[[str], bool]) -> None:
        """Remove all others, in whatever form: what pulls have left that never ended, and what was taken out. What is
        `in_use` stays on the disk, and is here no more."""
        names = {diff_id.removeprefix(_PREFIX) for diff_id in diff_ids}
        for path in self._directory.iterdir():
            is_old = path.stem not in names or path.suffix.startswith(_RETIRED)
            if is_old and not in_use(_PREFIX + path.stem):
                remove_tree(path)
        self._paths = {diff_id: path for diff_id, path in self._paths.items() if diff_id in diff_ids}
        for diff_id in self.contents.keys() - self._paths.keys():
            del self.contents[diff_id]

    async def adopt(self, built: Built) -> None:
        """Take a built layer in, so that it survives a power cut. One that is here already stays."""
        if self.find(built.diff_id):
            await asyncio.to_thread(built.path.unlink)
            return
        fresh = await self._as_directory(built) if self._as_directories else built.path
        suffix = "" if self._as_directories else SUFFIX
        target = self._directory / f"{built.diff_id.removeprefix(_PREFIX)}{suffix}"

        def keep() -> None:
            _keep(fresh, target)
            self._paths[built.diff_id] = target

        await in_thread(keep)

    async def take_out(self, diff_id: str, *, in_use: bool) -> None:
        """Remove a layer that is corrupt. The files of a directory stay for as long as somebody runs on them: those of
        a squashfs file the kernel keeps."""
        path = self._paths.get(diff_id)
        if path and in_use and path.is_dir():
            aside = (path.with_suffix(f"{_RETIRED}{number}") for number in itertools.count())
            path.rename(next(each for each in aside if not each.exists()))
        await self.remove([diff_id])

    async def remove(self, diff_ids: Iterable[str]) -> None:
        """Remove layers; those that are not here are fine. What is mounted of them stays mounted."""
        await asyncio.to_thread(_remove_all, self.put_away(diff_ids))

    def put_away(self, diff_ids: Iterable[str]) -> list[Path]:
        """The same, but their files wait to be removed, at these places. A crash leaves nothing: scratch is emptied."""
        paths = []
        for diff_id in diff_ids:
            self.contents.pop(diff_id, None)
            if path := self._paths.pop(diff_id, None):
                paths.append(path)
        # Out of the way first: the same layer may be coming in already.
        return [path.rename(self._scratch / f"{path.name}-{next(_numbers)}") for path in paths if path.exists()]

    async def size_bytes(self, diff_id: str) -> int:
        """What a layer takes on disk. LayerGoneError where it is not here."""
        path = self._paths.get(diff_id)
        if path is None:
            raise LayerGoneError
        return await asyncio.to_thread(_size, path)

    async def _as_directory(self, built: Built) -> Path:
        """Unpack a squashfs file. In it each path comes once and no parent is a link, so tar is led nowhere."""
        target = built.path.with_suffix(".directory")
        target.mkdir(mode=0o755)
        reading, writing = pipe()
        with reading, writing:
            read = [self._sqfs2tar, str(built.path)]
            tar = ["tar", *_UNTAR, "--directory", str(target)]
            async with (
                command(read, stdout=writing.fileno(), dies_with_us=True) as source,
                command(tar, stdin=reading.fileno(), dies_with_us=True) as unpack,
            ):
                reading.close()
                writing.close()
                await source.finish()
                await unpack.finish()
        built.path.unlink()
        return target


def _keep(fresh: Path, target: Path) -> None:
    """Write back, then rename: what has a name in the store is whole. Who comes second with a layer gives it up."""
    descriptor = os.open(fresh, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if fresh.is_dir():
            _libc.syncfs(descriptor)
        else:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if target.is_dir() or (target.exists() and looks_whole(target)):
        remove_tree(fresh)
    else:
        fresh.rename(target)
        sync_directory(target.parent)


def _content(layer: Path) -> str:
    descriptor = os.open(layer, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return content_digest(descriptor)
    finally:
        os.close(descriptor)


def _remove_all(paths: Iterable[Path]) -> None:
    for path in paths:
        remove_tree(path)


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    return sum(inside.lstat().st_size for inside in path.rglob("*"))
