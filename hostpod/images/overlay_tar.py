"""A layer's archive in overlayfs' terms, decided entry by entry. Pure.

`.wh.NAME` becomes a character device 0:0 and `.wh..wh..opq` the attribute trusted.overlay.opaque of its directory,
wherever they stand in the archive. Files pass as they are; directories and whiteouts wait for the end, when all that
is said of them has been read (tar2sqfs lets a directory come after what is in it). Of a file's path only a hash is
kept, to notice one that comes twice.
"""

from __future__ import annotations

from collections.abc import Collection

from hostpod.images import tarheader as tar
from hostpod.images.tarheader import Records, TarError
from hostpod.images.tarwalk import Entry, Verdict

DIRECTORIES_LIMIT = 1_000_000

_WHITEOUT, _OPAQUE, _AUFS = b".wh.", b".wh..wh..opq", b".wh..wh."
_OVERLAY_ATTRIBUTE = b"SCHILY.xattr.trusted.overlay."
_IS_OPAQUE = {_OVERLAY_ATTRIBUTE + b"opaque": b"y"}


class RepeatedPathError(Exception):
    """A path is in the archive twice. The later one counts, and one pass cannot know that it comes."""


class OverlayTar:
    """Decides about each entry of a layer; `tail` is what follows the last one.

    `superseded` are numbers of entries to leave out. Raises RepeatedPathError, TarError.
    """

    def __init__(self, superseded: Collection[int] = ()) -> None:
        self._superseded = superseded
        self._files: set[int] = set()
        self._directories: dict[bytes, tuple[bytes, Records]] = {}
        self._parents: set[bytes] = set()
        self._whiteouts: set[bytes] = set()
        self._opaque: set[bytes] = set()

    def decide(self, entry: Entry) -> Verdict | bytes:
        """Keep, drop, or the entry's new headers."""
        if entry.number in self._superseded:
            return Verdict.DROP
        path = tar.normal_path(entry.name)
        parent, _, base = path.rpartition(b"/")
        if base.startswith(_WHITEOUT):
            self._whiteout(parent, base)
        elif _is_directory(entry):
            self._directory(path, parent, entry)
        else:
            return self._file(path, parent, entry)
        return Verdict.DROP

    def tail(self) -> list[bytes]:
        """Directories, whiteouts and the archive's end."""
        implied = _with_ancestors(self._parents) if self._whiteouts else set()
        gone = {path for path in self._whiteouts if hash(path) not in self._files}
        replaced = {path for path in gone if path in self._directories or path in implied}
        opaque = self._opaque | replaced
        for path in sorted(opaque - self._directories.keys()):
            self._directories[path] = (tar.PLAIN_DIRECTORY, {})
        entries = [
            tar.new_entry(path, tar.DIRECTORY, attributes, pax | _IS_OPAQUE if path in opaque else pax)
            for path, (attributes, pax) in self._directories.items()
        ]
        entries += [tar.new_entry(path, tar.CHARACTER_DEVICE, tar.WHITEOUT, {}) for path in sorted(gone - replaced)]
        return [*entries, bytes(2 * tar.BLOCK_BYTES)]

    def _whiteout(self, parent: bytes, base: bytes) -> None:
        if base == _OPAQUE:
            self._opaque.add(parent)
        elif not base.startswith(_AUFS):  # what aufs kept for itself means nothing here
            name = base.removeprefix(_WHITEOUT)
            if name in (b"", b".", b".."):
                raise TarError(f'"{base.decode()}" takes away what has no name')
            self._whiteouts.add(parent + b"/" + name if parent else name)

    def _directory(self, path: bytes, parent: bytes, entry: Entry) -> None:
        if hash(path) in self._files:
            raise RepeatedPathError
        if len(self._directories) >= DIRECTORIES_LIMIT:
            raise TarError(f"more than {DIRECTORIES_LIMIT} directories")
        self._parents.add(parent)
        pax = entry.extension.pax
        records = {key: value for key, value in _own(pax).items() if key != b"path"} if pax else pax
        self._directories[path] = (entry.header[tar.ATTRIBUTES], records)

    def _file(self, path: bytes, parent: bytes, entry: Entry) -> Verdict | bytes:
        key = hash(path)
        if key in self._files or path in self._directories:
            raise RepeatedPathError
        if not path:
            raise TarError("its root is no directory")
        self._files.add(key)
        self._parents.add(parent)
        return _headers(entry)


class RepeatedPaths:
    """Finds, in a pass of its own, the entries that a later one of the same path supersedes."""

    def __init__(self) -> None:
        self.superseded: set[int] = set()
        self._last: dict[bytes, int] = {}

    def decide(self, entry: Entry) -> Verdict:
        """Note the entry; nothing is kept."""
        path = tar.normal_path(entry.name)
        if path in self._last:
            self.superseded.add(self._last[path])
        self._last[path] = entry.number
        return Verdict.DROP


def _is_directory(entry: Entry) -> bool:
    """A directory: in old archives an empty file with a slash behind its name."""
    return entry.kind == tar.DIRECTORY or (
        entry.name.endswith(b"/") and not entry.size and entry.kind in (tar.REGULAR, tar.V7_REGULAR)
    )


def _headers(entry: Entry) -> Verdict | bytes:
    """The headers of a file: as they are, unless tar2sqfs or overlayfs would take them amiss."""
    extension, header = entry.extension, entry.header
    records = _own(extension.pax) if extension.pax else extension.pax
    front = None
    if extension.pax and (extension.long_name or extension.long_link or len(records) < len(extension.pax)):
        gnu = {b"path": extension.long_name, b"linkpath": extension.long_link}
        front = tar.pax_header({key: value for key, value in gnu.items() if value} | records)
    sized = entry.kind[0] in tar.HEADER_ONLY and header[124:136].strip(b"0 \0")
    if entry.kind == tar.CONTIGUOUS or sized:
        header = tar.changed(header, kind=tar.REGULAR if not sized else entry.kind, size=entry.size)
    elif front is None:
        return Verdict.KEEP
    return (b"".join(extension.raw) if front is None else front) + header


def _own(pax: Records) -> Records:
    """Without what would speak to overlayfs in this host's name."""
    return {key: value for key, value in pax.items() if not key.startswith(_OVERLAY_ATTRIBUTE)}


def _with_ancestors(paths: Collection[bytes]) -> set[bytes]:
    found = set(paths)
    for path in paths:
        parent = path.rpartition(b"/")[0]
        while parent and parent not in found:
            found.add(parent)
            parent = parent.rpartition(b"/")[0]
    return found
