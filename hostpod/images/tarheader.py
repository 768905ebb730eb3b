"""Tar headers: the fields that decide about an entry, PAX records, and new headers. Pure.

POSIX.1-2001 (ustar, PAX), GNU (long names, base-256 numbers) and V7, as far as tar2sqfs reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Records = dict[bytes, bytes]  # of PAX headers, in their order

BLOCK_BYTES = 512
PATH_LIMIT_BYTES = 4096  # PATH_MAX
V7_REGULAR, REGULAR, HARD_LINK, CHARACTER_DEVICE, DIRECTORY, CONTIGUOUS = b"\0", b"0", b"1", b"3", b"5", b"7"
SPARSE, PAX, PAX_GLOBAL, LONG_NAME, LONG_LINK = b"S", b"x", b"g", b"L", b"K"

# Entries that can be stored; of links, devices, directories and fifos no content follows, whatever their size says.
HEADER_ONLY = frozenset(b"123456")
STORED = HEADER_ONLY | frozenset(b"\x0007S")

SPARSE_MAP = b"GNU.sparse.map"
_SPARSE_PIECE = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")
_SPARSE_SIZE = (b"GNU.sparse.realsize", b"GNU.sparse.size")

_MOST_DIGITS = 20  # of 64 bits
_OCTAL_LIMIT = 8**11  # what a header has no octal digits for

# Mode, uid, gid, size and mtime of a directory that only its files speak of.
PLAIN_DIRECTORY = b"0000755\0" + b"0000000\0" * 2 + bytes(12) + b"00000000000\0"
WHITEOUT = b"0000000\0" * 3 + bytes(12) + b"00000000000\0"
ATTRIBUTES = slice(100, 148)


class TarError(Exception):
    """An archive that is not read; the message says why."""


def number(field: bytes) -> int:
    """A size: octal digits, or base-256 where the first bit is set."""
    if field[0] & 0x80:
        if field[0] & 0x40:
            raise TarError("the archive is malformed: a negative size")
        return int.from_bytes(field, "big") ^ (0x80 << 8 * (len(field) - 1))
    digits = field.partition(b"\0")[0].strip()
    if digits.strip(b"01234567"):
        raise TarError(f"it is no tar archive: {field!r} stands where a size should be")
    return int(digits or b"0", 8)


def decimal(value: bytes) -> int:
    """A number in a PAX record."""
    if not value.isdigit() or len(value) > _MOST_DIGITS:
        raise TarError("the archive is malformed: a size that is no number")
    return int(value)


def name_of(header: bytes) -> bytes:
    """The name as the header alone gives it: in ustar with its prefix."""
    name = header[: header.index(0) if header[99] == 0 else 100]
    if header[345] and header[257:263] == b"ustar\0":
        return header[345:500].partition(b"\0")[0] + b"/" + name
    return name


def link_of(header: bytes) -> bytes:
    """What a link leads to, as the header alone gives it."""
    return header[157:257].partition(b"\0")[0]


def is_directory(kind: bytes, name: bytes, size: int) -> bool:
    """In old archives also an empty file with a slash behind its name."""
    return kind == DIRECTORY or (name.endswith(b"/") and not size and kind in (REGULAR, V7_REGULAR))


def normal_path(name: bytes) -> bytes:
    """The path below the root, b"" for the root itself. TarError where it leads out of it, or where no program could
    open it."""
    if len(name) > PATH_LIMIT_BYTES:
        raise TarError(f"an entry's path has more than {PATH_LIMIT_BYTES} bytes")
    if name[:1] not in (b"", b".", b"/") and b"/." not in name and b"//" not in name and name[-1:] != b"/":
        return name
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise TarError(f'an entry leads out of the image: "{name.decode(errors="replace")}"')
    return b"/".join(parts)


def parents(path: bytes) -> Iterator[bytes]:
    """The directories that a normal path is in, the nearest first; the root is b""."""
    while path:
        path = path.rpartition(b"/")[0]
        yield path


def map_continues(block: bytes, *, first: bool) -> bool:
    """Whether another block of its map follows the header (`first`) or a map block of a GNU sparse file."""
    return block[482 if first else 504] != 0


def parse_pax(body: bytes) -> Records:
    r"""The records `LENGTH KEY=VALUE\n` of a PAX header."""
    records: Records = {}
    position = 0
    while position < len(body) and body[position]:
        blank = body.find(b" ", position, position + 20)
        length = body[position:blank] if blank > 0 else b""
        end = position + int(length) if length.isdigit() else -1
        key, equals, value = body[blank + 1 : end - 1].partition(b"=")
        if end <= blank or end > len(body) or not equals or body[end - 1 : end] != b"\n":
            raise TarError("the archive is malformed: a broken PAX record")
        if key in _SPARSE_PIECE:  # which come again and again, and mean the same in one record
            key, value = SPARSE_MAP, b",".join([*filter(None, [records.get(SPARSE_MAP)]), value])
        records[key] = value
        position = end
    return records


def expanded_size(kind: bytes, header: bytes, pax: Records) -> int:
    """Of a sparse file, its size with all holes; 0 of any other."""
    if kind == SPARSE:
        return number(header[483:495])
    return max((decimal(pax[key]) for key in _SPARSE_SIZE if key in pax), default=0)


def sparse_map(blocks: Sequence[bytes]) -> tuple[tuple[int, int], ...]:
    """Offsets and lengths of what an old GNU sparse file has: its header's map, and the blocks that continue it."""
    fields = b"".join([blocks[0][386:482], *(block[:504] for block in blocks[1:])])
    pieces = (fields[at : at + 24] for at in range(0, len(fields), 24))
    return tuple((number(piece[:12]), number(piece[12:])) for piece in pieces if piece[0])


def sparse_entry(name: bytes, header: bytes, pieces: Sequence[tuple[int, int]], size: int, records: Records) -> bytes:
    """PAX 1.0 headers of an old GNU sparse file with `size` bytes in it, up to its content. (tar2sqfs leaves a file out
    whose map has numbers of the other kind, in base 256.)"""
    lines = [len(pieces), *(value for piece in pieces for value in piece)]
    body = b"".join(b"%d\n" % line for line in lines)
    body += bytes(padding(len(body)))
    own = {b"GNU.sparse.major": b"1", b"GNU.sparse.minor": b"0", b"GNU.sparse.name": name}
    own[b"GNU.sparse.realsize"] = b"%d" % number(header[483:495])
    plain = bytearray(header)
    plain[257:265], plain[345:] = b"ustar\x0000", bytes(BLOCK_BYTES - 345)
    return pax_header(records | own) + changed(bytes(plain), kind=REGULAR, size=len(body) + size) + body


def pax_header(records: Records) -> bytes:
    """A PAX header with these records; nothing where there are none."""
    if not records:
        return b""
    body = b"".join(_record(key, value) for key, value in records.items())
    return new_header(b"PaxHeaders", PAX, PLAIN_DIRECTORY, size=len(body)) + body + bytes(padding(len(body)))


def _record(key: bytes, value: bytes) -> bytes:
    content = b" " + key + b"=" + value + b"\n"
    length = len(content)
    while length != len(content) + len(str(length)):
        length = len(content) + len(str(length))
    return str(length).encode() + content


def padding(size: int) -> int:
    """Bytes that fill the last block of a body."""
    return -size % BLOCK_BYTES


def new_entry(path: bytes, kind: bytes, attributes: bytes, records: Records) -> bytes:
    """A whole entry without content; `attributes` are those 48 bytes of a header, of which the size is ignored."""
    name = path + b"/" if kind == DIRECTORY else path
    if len(name) > 100:
        records = records | {b"path": name}
    return pax_header(records) + new_header(name, kind, attributes, size=0)


def new_header(name: bytes, kind: bytes, attributes: bytes, *, size: int) -> bytes:
    """A ustar header; a name of more than 100 bytes is cut."""
    header = bytearray(BLOCK_BYTES)
    header[: min(len(name), 100)] = name[:100]
    header[ATTRIBUTES] = attributes
    header[124:136] = _size_field(size)
    header[156:157] = kind
    header[257:265] = b"ustar\x0000"
    header[329:345] = b"0000000\0" * 2
    return _signed(header)


def changed(header: bytes, *, kind: bytes, size: int) -> bytes:
    """The header with another type and size."""
    new = bytearray(header)
    new[124:136] = _size_field(size)
    new[156:157] = kind
    return _signed(new)


def _size_field(size: int) -> bytes:
    return b"%011o\0" % size if size < _OCTAL_LIMIT else (0x80 << 88 | size).to_bytes(12, "big")


def _signed(header: bytearray) -> bytes:
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)
