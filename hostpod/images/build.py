"""A compressed layer becomes a squashfs file: decompressor, rewriting thread and tar2sqfs, joined by pipes.

Nothing of the archive touches this host's file system, whatever it holds: it only ever passes through.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TypeVar

from hostpod.images.bounds import Bounds
from hostpod.images.commands import Command, command, pipe
from hostpod.images.decompress import decompressor
from hostpod.images.errors import ImagePullError
from hostpod.images.overlay_tar import OverlayTar, RepeatedPathError
from hostpod.images.repeats import Repeats, RepeatsFinder
from hostpod.images.tarheader import TarError
from hostpod.images.tarwalk import Piece, TarWalk

T = TypeVar("T")

# lz4 builds and reads fastest. In blocks of 64 KiB a small file is read in half the time that it takes with tar2sqfs'
# own 128 KiB, and the file is no larger. What it cannot store is an error (-s): it would be left out.
SQUASHFS = ("-q", "-f", "-s", "-c", "lz4", "-j", "1", "-b", "65536")

# A layer that did not fit: with less free space than its blob may grow to, an error in writing is a full disk.
EXPANSION = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A layer's squashfs file that is not in the store yet; `diff_id` is the digest of the unpacked archive."""

    path: Path
    diff_id: str


class Builder:
    """Builds layers; the rewriting runs in `threads`. Raises ImagePullError."""

    def __init__(self, tar2sqfs: str, threads: ThreadPoolExecutor, bounds: Bounds) -> None:
        self._bounds = bounds
        self._tar2sqfs = tar2sqfs
        self._threads = threads

    async def build(self, blob: Path, target: Path) -> Built:
        """Make `target` from a blob: gzip, zstd or a plain tar archive."""
        try:
            try:
                diff_id = await self._rewritten(blob, target, None)
            except RepeatedPathError:
                diff_id = await self._rewritten(blob, target, await self._repeats(blob))
        except TarError as error:
            raise ImagePullError(f"a layer cannot be read: {error}") from error
        except ImagePullError as error:
            raise _in_plain_words(error, blob, target) from error
        return Built(path=target, diff_id=diff_id)

    async def _rewritten(self, blob: Path, target: Path, repeats: Repeats | None) -> str:
        async with AsyncExitStack() as stack:
            source, unpack = await _unpacking(blob, stack)
            receiving, sending = pipe()
            stack.enter_context(sending)
            with receiving:
                argv = [self._tar2sqfs, *SQUASHFS, str(target)]
                squash = await stack.enter_async_context(command(argv, stdin=receiving.fileno()))
            overlay = OverlayTar(repeats)
            walk = TarWalk(overlay.decide)
            archive = self._bounds.read(source, walk, blob.parent)
            return await self._between(unpack, lambda: _rewrite(source, archive, walk, sending, overlay), squash)

    async def _repeats(self, blob: Path) -> Repeats:
        async with AsyncExitStack() as stack:
            source, unpack = await _unpacking(blob, stack)
            finder = RepeatsFinder()
            walk = TarWalk(finder.decide)
            archive = self._bounds.read(source, walk, blob.parent)
            return await self._between(unpack, lambda: _look_at(source, archive, walk, finder), None)

    async def _between(self, source: Command | None, work: Callable[[], T], sink: Command | None) -> T:
        """Work in a thread that one command feeds and another one drains; it comes back when they end.

        Who failed first is asked first: a source that broke off, then the work, then the sink.
        """
        thread = asyncio.get_running_loop().run_in_executor(self._threads, work)
        commands = [each for each in (source, sink) if each]
        try:
            await asyncio.wait([thread])
        finally:
            if not thread.done():  # cancelled: the commands go, and the thread with them
                for each in commands:
                    each.kill()
                await asyncio.wait([thread])
                thread.exception()  # a broken pipe is what it was given
        failure = thread.exception()
        if source:
            await source.finish()
        if sink and (failure is None or isinstance(failure, BrokenPipeError)):
            await sink.finish()
        return thread.result()


def _in_plain_words(error: ImagePullError, blob: Path, target: Path) -> ImagePullError:
    """tar2sqfs does not say that the disk is full, and gives back what it took."""
    disk = os.statvfs(target.parent)
    is_full = "I/O error" in str(error) and disk.f_bavail * disk.f_frsize < EXPANSION * blob.stat().st_size
    return ImagePullError("no space left on device") if is_full else error


async def _unpacking(blob: Path, stack: AsyncExitStack) -> tuple[FileIO, Command | None]:
    """The unpacked archive to read, and the command that unpacks it."""
    file = stack.enter_context(FileIO(blob))
    argv = decompressor(blob)
    if argv is None:
        return file, None
    reading, writing = pipe()
    stack.enter_context(reading)
    with writing:
        unpack = await stack.enter_async_context(command(argv, stdin=file.fileno(), stdout=writing.fileno()))
    return reading, unpack


def _rewrite(source: FileIO, archive: Iterable[bytes], walk: TarWalk, sink: FileIO, overlay: OverlayTar) -> str:
    """In a thread: the archive in overlayfs' terms to `sink`; the archive's digest. Both files are closed."""
    digest = hashlib.sha256()
    with source, sink:
        for data in archive:
            digest.update(data)
            _write(sink, walk.feed(data))
        walk.check_end()
        _write(sink, overlay.tail())
    return f"sha256:{digest.hexdigest()}"


def _look_at(source: FileIO, archive: Iterable[bytes], walk: TarWalk, finder: RepeatsFinder) -> Repeats:
    """In a thread: what replaces what in the archive."""
    with source:
        for data in archive:
            walk.feed(data)
    return finder.found()


def _write(sink: FileIO, pieces: Iterable[Piece]) -> None:
    whole = memoryview(b"".join(pieces))
    while whole:
        whole = whole[sink.write(whole) or 0 :]
