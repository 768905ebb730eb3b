"""The layers on disk, named by the digest of what is in them: a squashfs file or a directory each, whole or absent."""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import os
from collections.abc import Collection, Iterable
from pathlib import Path

from hostpod.host.store import remove_tree, sync_directory
from hostpod.images.build import Built
from hostpod.images.commands import command, pipe

SUFFIX = ".squashfs"

_PREFIX = "sha256:"
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
        self.mounts_squashfs = mounts_squashfs
        self._sqfs2tar = sqfs2tar
        self._paths: dict[str, Path] = {}

    def open(self) -> None:
        """Look what is there."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        usable = (SUFFIX, "") if self.mounts_squashfs else ("",)
        found = sorted(path for path in self._directory.iterdir() if path.suffix in usable)
        self._paths = {_PREFIX + path.stem: path for path in found}

    def find(self, diff_id: str) -> Path | None:
        """A squashfs file, or a directory; None where the layer is not here, or is here no more."""
        path = self._paths.get(diff_id)
        return path if path and path.exists() else None

    def have(self, diff_ids: Iterable[str]) -> bool:
        """Whether all these layers are here."""
        return all(self.find(diff_id) for diff_id in diff_ids)

    def all(self) -> Collection[str]:
        """The diff ids of all layers that are here."""
        return self._paths.keys()

    def keep_only(self, diff_ids: Collection[str]) -> None:
        """Remove all others, in whatever form: what pulls have left that never ended."""
        names = {diff_id.removeprefix(_PREFIX) for diff_id in diff_ids}
        for path in self._directory.iterdir():
            if path.stem not in names:
                remove_tree(path)
        self._paths = {diff_id: path for diff_id, path in self._paths.items() if diff_id in diff_ids}

    async def adopt(self, built: Built) -> None:
        """Take a built layer in, so that it survives a power cut. One that is here already stays."""
        if self.find(built.diff_id):
            await asyncio.to_thread(built.path.unlink)
            return
        fresh = await self._as_directory(built) if self._as_directories else built.path
        suffix = "" if self._as_directories else SUFFIX
        target = self._directory / f"{built.diff_id.removeprefix(_PREFIX)}{suffix}"
        await asyncio.to_thread(_keep, fresh, target)
        self._paths[built.diff_id] = target

    async def remove(self, diff_ids: Iterable[str]) -> None:
        """Remove layers; those that are not here are fine. What is mounted of them stays mounted."""
        await asyncio.to_thread(_remove_all, self.put_away(diff_ids))

    def put_away(self, diff_ids: Iterable[str]) -> list[Path]:
        """The same, but their files wait to be removed, at these places. A crash leaves nothing: scratch is emptied."""
        paths = [path for diff_id in diff_ids if (path := self._paths.pop(diff_id, None))]
        # Out of the way first: the same layer may be coming in already.
        return [path.rename(self._scratch / f"{path.name}-{next(_numbers)}") for path in paths if path.exists()]

    async def size_bytes(self, diff_id: str) -> int:
        """What a layer takes on disk."""
        return await asyncio.to_thread(_size, self._paths[diff_id])

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
    if target.exists():
        remove_tree(fresh)
    else:
        fresh.rename(target)
        sync_directory(target.parent)


def _remove_all(paths: Iterable[Path]) -> None:
    for path in paths:
        remove_tree(path)


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.stat().st_size
    return sum(inside.lstat().st_size for inside in path.rglob("*"))
