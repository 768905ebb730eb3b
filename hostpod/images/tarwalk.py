"""A walk along a tar stream: each entry, with all that belongs to it, is kept, dropped or given new headers.

Pure, and in bounded memory: bodies pass in pieces of what came in, as views of it, and are never gathered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from hostpod.images import tarheader as tar
from hostpod.images.tarheader import BLOCK_BYTES, TarError

# tar2sqfs takes no extension header of more than 64 KiB; an entry may have several.
EXTENSION_LIMIT_BYTES = 1024 * 1024

Piece = bytes | memoryview


class Verdict(Enum):
    """What becomes of an entry; bytes instead of it are its new headers, before its content."""

    KEEP = auto()
    DROP = auto()


@dataclass(kw_only=True, slots=True)
class Extension:
    """The extension headers before an entry: what they say, and their bytes."""

    raw: list[bytes] = field(default_factory=list)
    pax: tar.Records = field(default_factory=dict)
    long_name: bytes | None = None
    long_link: bytes | None = None

    def take(self, kind: bytes, content: bytes) -> None:
        """Read one of them."""
        if kind == tar.PAX:
            self.pax |= tar.parse_pax(content)
        elif kind == tar.LONG_NAME:
            self.long_name = content.partition(b"\0")[0]
        else:
            self.long_link = content.partition(b"\0")[0]


_NO_EXTENSION = Extension()


@dataclass(kw_only=True, slots=True)  # not frozen: that costs a microsecond each, and there are many
class Entry:
    """An entry that can be stored. `number` counts from 0; `size` is that of the content that follows."""

    number: int
    kind: bytes
    name: bytes
    size: int
    header: bytes
    extension: Extension
    sparse_map: tuple[tuple[int, int], ...] = ()  # of an old GNU sparse file: offset and length of what it has

    @property
    def link(self) -> bytes:
        """What a link leads to."""
        return self.extension.pax.get(b"linkpath") or self.extension.long_link or tar.link_of(self.header)


class TarWalk:
    """Feed it the archive; it returns what is kept of it. Ask `check_end` when there is no more."""

    def __init__(self, decide: Callable[[Entry], Verdict | bytes]) -> None:
        self._decide = decide
        self._carry = b""
        self._extension: Extension | None = None
        self.entries = 0
        self.holes_bytes = 0  # of sparse files: what is not in the archive
        self._left, self._keep = 0, False  # of the content that passes now
        self._collecting: tuple[bytes, bytearray, int] | None = None
        self._sparse: list[bytes] = []  # header and map of an old GNU sparse file, while the map is not at its end
        self._ended = False

    def feed(self, data: bytes) -> list[Piece]:
        """The next bytes of the archive. What is returned may refer to them."""
        if self._carry:
            data, self._carry = self._carry + data, b""
        out = _Pieces(data)
        position, end = 0, len(data)
        while position < end and not self._ended:
            if self._left:
                step = min(self._left, end - position)
                self._content(out, position, step)
                position += step
            elif end - position < BLOCK_BYTES:
                self._carry = data[position:]
                break
            else:
                self._block(data[position : position + BLOCK_BYTES], out, position)
                position += BLOCK_BYTES
        return out.taken()

    def check_end(self) -> None:
        """TarError where the archive ended too early."""
        if self._carry or self._left or self._extension or self._sparse:
            raise TarError("the archive ends in the middle of an entry")

    def _content(self, out: _Pieces, position: int, step: int) -> None:
        self._left -= step
        if self._keep:
            out.keep(position, position + step)
        elif self._collecting:
            kind, content, size = self._collecting
            content += out.data[position : position + step]
            if not self._left:
                self._collected(kind, content, size)

    def _collected(self, kind: bytes, content: bytearray, size: int) -> None:
        assert self._extension is not None, "set when its header was read"
        self._collecting = None
        self._extension.raw.append(bytes(content))
        self._extension.take(kind, bytes(content[:size]))

    def _block(self, block: bytes, out: _Pieces, position: int) -> None:
        kind = block[156:157]
        if self._sparse:
            self._map_block(block, out)
        elif not block[0] and block.count(0) == BLOCK_BYTES:
            self._ended = True
        elif kind in (tar.PAX, tar.LONG_NAME, tar.LONG_LINK):
            self._begin_extension(kind, block)
        elif block[156] not in tar.STORED:
            self._expect(tar.number(block[124:136]), keep=False)
            if kind != tar.PAX_GLOBAL:
                self.entries += 1
                self._extension = None
        elif kind == tar.SPARSE and tar.map_continues(block, first=True):
            self._sparse = [block]
        else:
            self._entry([block], out, position)

    def _expect(self, size: int, *, keep: bool) -> None:
        self._left, self._keep = size + tar.padding(size), keep

    def _begin_extension(self, kind: bytes, block: bytes) -> None:
        size = tar.number(block[124:136])
        extension = self._extension = self._extension or Extension()
        if size + sum(map(len, extension.raw)) > EXTENSION_LIMIT_BYTES:
            raise TarError("an extension header is too long")
        extension.raw.append(block)
        if size:
            self._collecting = (kind, bytearray(), size)
            self._expect(size, keep=False)

    def _map_block(self, block: bytes, out: _Pieces) -> None:
        self._sparse.append(block)
        if len(self._sparse) * BLOCK_BYTES > EXTENSION_LIMIT_BYTES:
            raise TarError("a map of a sparse file is too long")
        if not tar.map_continues(block, first=False):
            blocks, self._sparse = self._sparse, []
            self._entry(blocks, out, None)

    def _entry(self, blocks: list[bytes], out: _Pieces, position: int | None) -> None:
        """`blocks` are its header and what more there is of a map; at `position` the header is in what came in."""
        header, kind = blocks[0], blocks[0][156:157]
        extension, self._extension = self._extension or _NO_EXTENSION, None
        entry = _entry(self.entries, kind, header, extension)
        if kind == tar.SPARSE:
            entry.sparse_map = tar.sparse_map(blocks)
        if extension.pax or kind == tar.SPARSE:
            self.holes_bytes += max(tar.expanded_size(kind, header, extension.pax) - entry.size, 0)
        self.entries += 1
        verdict = self._decide(entry)
        if verdict is Verdict.KEEP:
            out.insert(extension.raw if position is not None else [*extension.raw, *blocks])
            if position is not None:
                out.keep(position, position + BLOCK_BYTES)
        elif verdict is not Verdict.DROP:
            out.insert([verdict])
        self._expect(entry.size, keep=verdict is not Verdict.DROP)


def _entry(number: int, kind: bytes, header: bytes, extension: Extension) -> Entry:
    pax = extension.pax
    name = pax.get(b"GNU.sparse.name") or pax.get(b"path") or extension.long_name or tar.name_of(header)
    if kind[0] in tar.HEADER_ONLY:
        size = 0
    elif b"size" in pax:
        size = tar.decimal(pax[b"size"])
    else:
        size = tar.number(header[124:136])
    return Entry(number=number, kind=kind, name=name, size=size, header=header, extension=extension)


class _Pieces:
    """Ranges of the bytes that came in, joined while they follow each other, with other bytes between them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._view = memoryview(data)
        self._start = self._end = 0
        self._out: list[Piece] = []

    def keep(self, start: int, end: int) -> None:
        if start != self._end:
            self._flush()
            self._start = start
        self._end = end

    def insert(self, pieces: list[bytes]) -> None:
        if pieces:
            self._flush()
            self._start = self._end
            self._out += pieces

    def taken(self) -> list[Piece]:
        self._flush()
        return self._out

    def _flush(self) -> None:
        if self._end > self._start:
            self._out.append(self._view[self._start : self._end])
        self._start = self._end
