"""Reading container logs: from the end, onwards as they grow, and never out of the log directory."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hostpod.host.cri import Merger, parse_piece, tail_start
from hostpod.host.inotify import Inotify, Mask

_CHUNK_BYTES = 64 * 1024
_LINE_LIMIT_BYTES = 1024 * 1024
_SAFETY_NET_S = 2.0  # for an end that came between opening the file and watching it
_AFTER_CLOSE_S = 0.05  # the monitor closes the log a moment before the daemon knows of the container's end


class LogError(Exception):
    """A log cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogOptions:
    """What of a log is wanted; the names are those of v1 PodLogOptions.

    `since_s` is the wall clock (seconds since 1970) before which lines are left out, `tail_lines` counts from the end,
    `previous` asks for the container's instance before this one.
    """

    follow: bool = False
    tail_lines: int | None = None
    timestamps: bool = False
    previous: bool = False
    since_s: float | None = None
    limit_bytes: int | None = None


def read_log(path: Path, *, options: LogOptions, below: Path, ended: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
    """The log file at `path`, which must be below the directory `below` without any link on the way.

    With `options.follow` it goes on, over rotations, until `ended()` says that the container is gone and what is left
    is read. A file that is not there (yet) is an empty one. Raises LogError, at once.
    """
    with _opened(path, below):
        pass
    return _limited(_lines(path, options, below, ended), options.limit_bytes)


def log_tail(path: Path, *, below: Path, lines: int, limit_bytes: int) -> bytes:
    """The end of what a log tells: its last lines, and of them the last bytes. Raises LogError."""
    with _opened(path, below) as fd:
        if fd < 0:
            return b""
        merger, offset = _start(fd, tail=lines, since_s=None, timestamps=False)
        last = os.fstat(fd).st_size - _CHUNK_BYTES
        if last > offset:  # the lines are long, and only the end of them is wanted
            merger, offset = Merger(), last
        block = os.pread(fd, _CHUNK_BYTES, offset)
    pieces = (piece for piece in map(parse_piece, block.split(b"\n")) if piece is not None)
    told = b"".join(merger.feed(piece) for piece in pieces) + merger.flush()
    return told[-limit_bytes:]


async def _limited(chunks: AsyncGenerator[bytes, None], left: int | None) -> AsyncGenerator[bytes, None]:
    async with aclosing(chunks):
        async for chunk in chunks:
            shown = chunk if left is None else chunk[:left]
            if shown:
                yield shown
            if left is not None:
                left -= len(shown)
                if left == 0:
                    return


async def _lines(
    path: Path, options: LogOptions, below: Path, ended: Callable[[], bool]
) -> AsyncGenerator[bytes, None]:
    with _watching(path, below, follow=options.follow) as watch:
        tail, since_s = options.tail_lines, options.since_s
        while True:
            final = watch is None or ended()
            with _opened(path, below) as fd:
                merger, offset = _start(fd, tail=tail, since_s=since_s, timestamps=options.timestamps)
                reader = _Reader(fd, offset)
                async for chunk in reader.chunks(merger):
                    yield chunk
                wait_s = _SAFETY_NET_S
                while not final and watch is not None and not _replaced(fd, path, below):
                    closed = await _closed(watch, path.name, wait_s)
                    wait_s, final = (_AFTER_CLOSE_S if closed else _SAFETY_NET_S), ended()
                    async for chunk in reader.chunks(merger):
                        yield chunk
                if watch is None or not _replaced(fd, path, below):
                    return
            tail, since_s = None, None  # the new file is read from its beginning


class _Reader:
    """Reads onwards from an offset, whole lines at a time."""

    def __init__(self, fd: int, offset: int) -> None:
        self._fd, self._offset, self._rest = fd, offset, b""

    async def chunks(self, merger: Merger) -> AsyncGenerator[bytes, None]:
        """Everything up to the end that the file has now."""
        if self._fd >= 0 and os.fstat(self._fd).st_size < self._offset:
            self._offset, self._rest = 0, b""  # somebody emptied it
        while self._fd >= 0 and (block := os.pread(self._fd, _CHUNK_BYTES, self._offset)):
            self._offset += len(block)
            *lines, self._rest = (self._rest + block).split(b"\n")
            if len(self._rest) > _LINE_LIMIT_BYTES:
                self._rest = b""  # no log of ours: a monitor writes pieces of some KiB
            yield b"".join(merger.feed(piece) for piece in map(parse_piece, lines) if piece is not None)
            await asyncio.sleep(0)  # a long log must not hold up the daemon
        yield merger.flush()


def _start(fd: int, *, tail: int | None, since_s: float | None, timestamps: bool) -> tuple[Merger, int]:
    if fd < 0 or tail is None:
        return Merger(timestamps=timestamps, since_s=since_s), 0
    start = tail_start(lambda offset, length: os.pread(fd, length, offset), os.fstat(fd).st_size, tail)
    return Merger(timestamps=timestamps, since_s=since_s, skip=start.skip), start.offset


@contextmanager
def _opened(path: Path, below: Path) -> Iterator[int]:
    """A descriptor of the log; -1 where there is none."""
    fd = open_below(path, below)
    try:
        yield fd
    finally:
        if fd >= 0:
            os.close(fd)


@contextmanager
def _watching(path: Path, below: Path, *, follow: bool) -> Iterator[Inotify | None]:
    """A watch of the log's directory, when the log is to be followed."""
    directory = open_below(path.parent, below, directory=True) if follow else -1
    if directory < 0:
        yield None
        return
    try:
        with Inotify() as watch:
            watch.add(Path(f"/proc/self/fd/{directory}"), Mask.MODIFY | Mask.CLOSE_WRITE | Mask.MOVED_TO | Mask.CREATE)
            yield watch
    finally:
        os.close(directory)


async def _closed(watch: Inotify, name: str, timeout_s: float) -> bool:
    """Wait until something happens in the directory or the time is over; true when the log's writer closed it."""
    events = await watch.read(timeout_s)
    return any(event.name == name and event.mask & Mask.CLOSE_WRITE for event in events)


def open_below(path: Path, below: Path, *, directory: bool = False) -> int:
    """Open a file (or directory) for reading, going down from `below` one name at a time and following no link.

    -1 where there is none. Raises LogError when the way leads through a link or ends at something else.
    """
    try:
        names = path.relative_to(below).parts
    except ValueError as error:
        raise LogError(f"{path} is not below {below}") from error
    if ".." in names:
        raise LogError(f"{path} is not below {below}")
    try:
        fd = _descend(below, names, directory=directory)
    except FileNotFoundError:
        return -1
    except OSError as error:
        raise LogError(f"cannot read the log {path}: {error.strerror}") from error
    if directory or stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise LogError(f"cannot read the log {path}: it is not a file")


def _descend(below: Path, names: tuple[str, ...], *, directory: bool) -> int:
    fd = os.open(below, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for number, name in enumerate(names, 1):
        kind = os.O_NONBLOCK if number == len(names) and not directory else os.O_DIRECTORY
        outer = fd
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind, dir_fd=outer)
        finally:
            os.close(outer)
    return fd


def _replaced(fd: int, path: Path, below: Path) -> bool:
    """Whether another file has the log's name now: it was rotated, or it came to be."""
    with _opened(path, below) as current:
        if current < 0:
            return False
        return fd < 0 or not os.path.samestat(os.fstat(fd), os.fstat(current))
