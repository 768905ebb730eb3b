"""A compressed layer becomes a squashfs file: decompressor, rewriting thread and tar2sqfs, joined by pipes.

Nothing of the archive touches this host's file system, whatever it holds: it only ever passes through.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TypeVar

from hostpod.images.commands import Command, command, pipe
from hostpod.images.decompress import decompressor
from hostpod.images.errors import ImagePullError
from hostpod.images.overlay_tar import OverlayTar, RepeatedPathError, RepeatedPaths
from hostpod.images.tarheader import TarError
from hostpod.images.tarwalk import Piece, TarWalk

T = TypeVar("T")

# lz4 builds and reads fastest. In blocks of 64 KiB a small file is read in half the time that it takes with tar2sqfs'
# own 128 KiB, and the file is no larger.
SQUASHFS = ("-q", "-f", "-c", "lz4", "-j", "1", "-b", "65536")
READ_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A layer's squashfs file that is not in the store yet; `diff_id` is the digest of the unpacked archive."""

    path: Path
    diff_id: str


class Builder:
    """Builds layers; the rewriting runs in `threads`. Raises ImagePullError."""

    def __init__(self, tar2sqfs: str, threads: ThreadPoolExecutor) -> None:
        self._tar2sqfs = tar2sqfs
        self._threads = threads

    async def build(self, blob: Path, target: Path) -> Built:
        """Make `target` from a blob: gzip, zstd or a plain tar archive."""
        try:
            try:
                diff_id = await self._rewritten(blob, target, superseded=())
            except RepeatedPathError:
                diff_id = await self._rewritten(blob, target, superseded=await self._superseded(blob))
        except TarError as error:
            raise ImagePullError(f"a layer cannot be read: {error}") from error
        return Built(path=target, diff_id=diff_id)

    async def _rewritten(self, blob: Path, target: Path, *, superseded: Collection[int]) -> str:
        async with AsyncExitStack() as stack:
            source, commands = await _unpacking(blob, stack)
            receiving, sending = pipe()
            stack.enter_context(sending)
            with receiving:
                argv = [self._tar2sqfs, *SQUASHFS, str(target)]
                squash = await stack.enter_async_context(command(argv, stdin=receiving.fileno()))
            work = lambda: _rewrite(source, sending, OverlayTar(superseded))  # noqa: E731
            return await self._while(work, [*commands, squash])

    async def _superseded(self, blob: Path) -> Collection[int]:
        async with AsyncExitStack() as stack:
            source, commands = await _unpacking(blob, stack)
            return await self._while(lambda: _repeated(source), commands)

    async def _while(self, work: Callable[[], T], commands: Sequence[Command]) -> T:
        """Work in a thread that the commands feed and drain; it comes back when they end. A command's words go first:
        what the thread says is then only what followed."""
        thread = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            await asyncio.wait([thread])
        finally:
            if not thread.done():  # cancelled: the commands go, and the thread with them
                for each in commands:
                    each.kill()
                await asyncio.wait([thread])
        failure = thread.exception()
        for each in commands:
            await each.finish()
        if failure:
            raise failure
        return thread.result()


async def _unpacking(blob: Path, stack: AsyncExitStack) -> tuple[FileIO, list[Command]]:
    """The unpacked archive to read, and the command that makes it."""
    file = stack.enter_context(FileIO(blob))
    argv = decompressor(blob)
    if argv is None:
        return file, []
    reading, writing = pipe()
    stack.enter_context(reading)
    with writing:
        unpack = await stack.enter_async_context(command(argv, stdin=file.fileno(), stdout=writing.fileno()))
    return reading, [unpack]


def _rewrite(source: FileIO, sink: FileIO, overlay: OverlayTar) -> str:
    """In a thread: the archive in overlayfs' terms to `sink`; the archive's digest. Both files are closed."""
    digest = hashlib.sha256()
    walk = TarWalk(overlay.decide)
    with source, sink:
        while data := source.read(READ_BYTES):
            digest.update(data)
            _write(sink, walk.feed(data))
        walk.check_end()
        _write(sink, overlay.tail())
    return f"sha256:{digest.hexdigest()}"


def _repeated(source: FileIO) -> Collection[int]:
    """In a thread: the entries of an archive that are superseded by later ones."""
    paths = RepeatedPaths()
    walk = TarWalk(paths.decide)
    with source:
        while data := source.read(READ_BYTES):
            walk.feed(data)
    return paths.superseded


def _write(sink: FileIO, pieces: Iterable[Piece]) -> None:
    whole = memoryview(b"".join(pieces))
    while whole:
        whole = whole[sink.write(whole) or 0 :]
