"""A layer's archive in overlayfs' terms, decided entry by entry. Pure.

`.wh.NAME` becomes a character device 0:0 and `.wh..wh..opq` the attribute trusted.overlay.opaque of its directory,
wherever they stand in the archive. Files pass as they are; directories and whiteouts wait for the end, when all that
is said of them has been read (tar2sqfs lets a directory come after what is in it). Of a file's path only a hash is
kept, to notice one that comes twice.
"""

from __future__ import annotations

from collections.abc import Collection

from hostpod.images import tarheader as tar
from hostpod.images.held import Held
from hostpod.images.repeats import Repeats
from hostpod.images.tarheader import Records, TarError
from hostpod.images.tarwalk import Entry, Verdict

_WHITEOUT, _OPAQUE, _AUFS = b".wh.", b".wh..wh..opq", b".wh..wh."
_ATTRIBUTE, _OVERLAY = b"SCHILY.xattr.", b"trusted.overlay."
_STORED = (b"user.", b"trusted.", b"security.")
_OTHER_ATTRIBUTE = b"LIBARCHIVE.xattr."  # the same again in another spelling, which tar2sqfs reads and others do not
_IS_OPAQUE = {_ATTRIBUTE + _OVERLAY + b"opaque": b"y"}


# Looking at a path's parents keeps nothing, but an archive may have it done without an end: so much of it counts.
_LOOK_SHARE = 64


class RepeatedPathError(Exception):
    """A path is in the archive twice. The later one counts, and one pass cannot know that it comes."""


class OverlayTar:
    """Decides about each entry of a layer; `tail` is what follows the last one.

    `repeats` are those of an archive that was read before. Raises RepeatedPathError, TarError.
    """

    def __init__(self, repeats: Repeats | None = None) -> None:
        self._repeats = repeats
        self._files: set[int] = set()
        self._directories: dict[bytes, tuple[bytes, Records]] = {}
        self._parents: set[bytes] = set()
        self._whiteouts: set[bytes] = set()
        self._opaque: set[bytes] = set()
        self._held = Held()

    def decide(self, entry: Entry) -> Verdict | bytes:
        """Keep, drop, or the entry's new headers."""
        path = tar.normal_path(entry.name)
        if self._repeats:
            changed = self._repeats.apply(entry, path)
            if changed is None:
                return Verdict.DROP
            entry, path = changed, tar.normal_path(changed.name)
        parent, _, base = path.rpartition(b"/")
        if base.startswith(_WHITEOUT):
            self._whiteout(parent, base)
        elif tar.is_directory(entry.kind, entry.name, entry.size):
            self._directory(path, parent, entry)
        else:
            return self._file(path, parent, entry)
        return Verdict.DROP

    def tail(self) -> list[bytes]:
        """Directories, whiteouts and the archive's end."""
        implied = self._with_ancestors(self._parents) if self._whiteouts else set()
        gone = {path for path in self._whiteouts if hash(path) not in self._files}
        replaced = {path for path in gone if path in self._directories or path in implied}
        opaque = self._opaque | replaced
        # Below what is opaque nothing is left to take away, and overlayfs would list such a whiteout as a name.
        gone = {path for path in gone if not self._is_below(opaque, path)} if opaque else gone
        for path in sorted(opaque - self._directories.keys()):
            self._directories[path] = (tar.PLAIN_DIRECTORY, {})
        entries = [
            tar.new_entry(path, tar.DIRECTORY, attributes, pax | _IS_OPAQUE if path in opaque else pax)
            for path, (attributes, pax) in self._directories.items()
        ]
        entries += [tar.new_entry(path, tar.CHARACTER_DEVICE, tar.WHITEOUT, {}) for path in sorted(gone - replaced)]
        return [*entries, bytes(2 * tar.BLOCK_BYTES)]

    def _whiteout(self, parent: bytes, base: bytes) -> None:
        self._held.take(len(parent) + len(base))
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
        self._note_parent(parent)
        pax = entry.extension.pax
        records = {key: value for key, value in _own(pax).items() if key != b"path"} if pax else pax
        self._held.take(len(path) + sum(len(key) + len(value) for key, value in records.items()))
        self._directories[path] = (entry.header[tar.ATTRIBUTES], records)

    def _file(self, path: bytes, parent: bytes, entry: Entry) -> Verdict | bytes:
        key = hash(path)
        if not path:
            raise TarError("its root is no directory")
        if key in self._files or path in self._directories or (path in self._parents and not self._repeats):
            raise RepeatedPathError
        if entry.kind == tar.HARD_LINK and not tar.normal_path(entry.link):
            raise TarError("a hard link to its root")
        self._files.add(key)
        self._note_parent(parent)
        return _headers(entry)

    def _note_parent(self, parent: bytes) -> None:
        if parent not in self._parents:
            self._held.take(len(parent))
            self._parents.add(parent)

    def _with_ancestors(self, paths: Collection[bytes]) -> set[bytes]:
        found = set(paths)
        for path in paths:
            for parent in tar.parents(path):
                if parent in found:
                    break
                self._held.take(len(parent))
                found.add(parent)
        return found

    def _is_below(self, directories: Collection[bytes], path: bytes) -> bool:
        for parent in tar.parents(path):
            if parent in directories:
                return True
            self._held.take(len(parent) // _LOOK_SHARE)
        return False


def _headers(entry: Entry) -> Verdict | bytes:
    """The headers of a file: as they are, unless tar2sqfs or overlayfs would take them amiss."""
    extension, header = entry.extension, entry.header
    records = _own(extension.pax) if extension.pax else extension.pax
    front = None
    gnu_too = extension.long_name or extension.long_link
    if extension.pax and (gnu_too or not extension.raw or len(records) < len(extension.pax)):
        gnu = {b"path": extension.long_name, b"linkpath": extension.long_link}
        front = tar.pax_header({key: value for key, value in gnu.items() if value} | records)
    if entry.kind == tar.SPARSE:
        kept = {key: value for key, value in records.items() if key not in (b"path", b"size")}
        return tar.sparse_entry(entry.name, header, entry.sparse_map, entry.size, kept)
    sized = entry.kind[0] in tar.HEADER_ONLY and header[124:136].strip(b"0 \0")
    if entry.kind == tar.CONTIGUOUS or sized:
        header = tar.changed(header, kind=tar.REGULAR if not sized else entry.kind, size=entry.size)
    elif front is None:
        return Verdict.KEEP
    return (b"".join(extension.raw) if front is None else front) + header


def _own(pax: Records) -> Records:
    """Without what would speak to overlayfs in this host's name, and what squashfs has no place for."""
    return {key: value for key, value in pax.items() if not _is_foreign(key)}


def _is_foreign(key: bytes) -> bool:
    if key.startswith(_ATTRIBUTE):
        name = key.removeprefix(_ATTRIBUTE)
        return name.startswith(_OVERLAY) or not name.startswith(_STORED)
    return key.startswith(_OTHER_ATTRIBUTE)
