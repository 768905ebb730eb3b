"""The CRI log format: `<RFC3339Nano> <stdout|stderr> <F|P> <text>`, one piece a line. Pure.

A line longer than the monitor's buffer is written in pieces: any number of P (partial), then one F (full). Pieces of
stdout and stderr may alternate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

OPEN_LINE_LIMIT_BYTES = 64 * 1024
_BLOCK_BYTES = 64 * 1024
_LOOK_BACK_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One line of the file. `full` says that the container's line ends with it."""

    time: bytes
    stream: bytes
    full: bool
    text: bytes


def parse_piece(line: bytes) -> Piece | None:
    """A line of the file without its newline; None for what is no CRI line (a torn write after a crash)."""
    parts = line.split(b" ", 3)
    if len(parts) < 3 or parts[1] not in {b"stdout", b"stderr"}:
        return None
    tag = parts[2].partition(b":")[0]
    if tag not in {b"F", b"P"}:
        return None
    return Piece(time=parts[0], stream=parts[1], full=tag == b"F", text=parts[3] if len(parts) == 4 else b"")


def seconds(time: bytes) -> float:
    """Seconds since 1970 of a piece's time; 0 for one that cannot be read."""
    try:
        return datetime.fromisoformat(time.decode()).timestamp()
    except ValueError:
        return 0.0


class Merger:
    """Pieces in, whole lines out: `skip` lines at the beginning and lines before `since_s` are left out."""

    def __init__(self, *, timestamps: bool = False, since_s: float | None = None, skip: int = 0) -> None:
        self._timestamps = timestamps
        self._since_s = since_s
        self._skip = skip
        self._open: dict[bytes, bytearray] = {}

    def feed(self, piece: Piece) -> bytes:
        """What can be shown now: the line that the piece ends, or nothing."""
        if self._since_s is not None and seconds(piece.time) < self._since_s:
            return b""
        self._since_s = None  # times only grow
        line = self._open.get(piece.stream)
        if line is None:
            line = self._open[piece.stream] = bytearray(piece.time + b" " if self._timestamps else b"")
        line += piece.text
        if piece.full:
            del self._open[piece.stream]
            return self._shown(bytes(line) + b"\n")
        if len(line) > OPEN_LINE_LIMIT_BYTES and not self._skip:
            return self._taken(piece.stream)
        return b""

    def flush(self) -> bytes:
        """The beginnings of lines that have not ended yet, such as a prompt; their rest comes as it is written."""
        if self._skip:
            return b""
        return b"".join(self._taken(stream) for stream in tuple(self._open))

    def _taken(self, stream: bytes) -> bytes:
        taken = bytes(self._open[stream])
        self._open[stream] = bytearray()
        return taken

    def _shown(self, line: bytes) -> bytes:
        if self._skip:
            self._skip -= 1
            return b""
        return line


@dataclass(frozen=True, kw_only=True, slots=True)
class TailStart:
    """Where to begin reading for the last lines, and how many whole lines to leave out from there."""

    offset: int
    skip: int


def tail_start(read: Callable[[int, int], bytes], size: int, lines: int) -> TailStart:
    """Find the last `lines` lines of a file of `size` bytes from its end; `read(offset, length)` gives its bytes."""
    if lines <= 0:
        return TailStart(offset=size, skip=0)
    found, open_streams, pending = 0, set[bytes](), set[bytes]()
    offset, enough_at = size, -1
    for start, line in _backwards(read, size):
        piece = parse_piece(line)
        if piece is None:
            continue
        if enough_at >= 0 and (not pending or enough_at - start > _LOOK_BACK_BYTES):
            break
        if piece.full:
            pending.discard(piece.stream)
            if enough_at >= 0 and not pending:
                break
            found += 1
            open_streams.add(piece.stream)
        elif piece.stream not in open_streams:
            found += 1  # a line that has not ended yet
            open_streams.add(piece.stream)
        offset = start
        if found >= lines and enough_at < 0:
            enough_at, pending = start, set(open_streams)
    return TailStart(offset=offset, skip=max(0, found - lines))


def _backwards(read: Callable[[int, int], bytes], size: int) -> Iterator[tuple[int, bytes]]:
    """Lines from the last to the first, each with its offset."""
    end, rest = size, b""
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        block = read(start, end - start) + rest
        first = block.find(b"\n") + 1 if start > 0 else 0
        if start > 0 and first == 0:
            end, rest = start, block
            continue
        position = start + len(block)
        for line in reversed(block[first:].split(b"\n")):
            position -= len(line)
            if line:
                yield position, line
            position -= 1
        end, rest = start, block[:first]
