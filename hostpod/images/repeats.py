"""Archives in which later entries replace earlier ones, and what becomes of each entry then. Pure.

As if they were unpacked one after another: a later entry of the same path replaces the earlier one, a file in a
directory's place takes all that was below it, and a hard link keeps what its target was when the link was made.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hostpod.images import tarheader as tar
from hostpod.images.held import Held
from hostpod.images.tarwalk import Entry, Extension, Verdict


@dataclass(kw_only=True, slots=True)
class _Owner:
    """An entry that hard links of the archive name: its path, and number and path of each link."""

    path: bytes
    links: list[tuple[int, bytes]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeats:
    """What is known once the whole archive has been read. Paths are known by their hashes, for there may be many."""

    last: dict[int, int] = field(default_factory=dict)
    files: dict[int, int] = field(default_factory=dict)
    """Of those, what is no directory."""
    dropped: set[int] = field(default_factory=set)
    renamed: dict[int, bytes] = field(default_factory=dict)
    linked: dict[int, bytes] = field(default_factory=dict)
    """New targets of hard links."""

    def apply(self, entry: Entry, path: bytes) -> Entry | None:
        """What the entry is then; None where a later one replaces it."""
        number, pax = entry.number, entry.extension.pax
        name = self.renamed.get(number)
        if name is not None:
            key = b"GNU.sparse.name" if b"GNU.sparse.name" in pax else b"path"
            extension = Extension(pax=pax | {key: name}, long_link=entry.extension.long_link)
            return replace(entry, name=name, extension=extension)
        if number in self.dropped or self._is_replaced(number, path):
            return None
        if number in self.linked:
            extension = Extension(pax=pax | {b"linkpath": self.linked[number]}, long_name=entry.extension.long_name)
            return replace(entry, extension=extension)
        return entry

    def _is_replaced(self, number: int, path: bytes) -> bool:
        if self.last[hash(path)] != number:
            return True
        return any(self.files.get(hash(parent), -1) > number for parent in tar.parents(path))

    def hand_over(self, number: int, owner: _Owner) -> None:
        """Where an entry is replaced and a link to it is not, the first such link takes its place."""
        left = [each for each in owner.links if not self._is_replaced(*each)]
        path = owner.path
        if left and self._is_replaced(number, path):
            (heir, path), *left = left
            self.dropped.add(heir)
            self.renamed[number] = path
        self.linked.update((link, path) for link, _ in left)


class RepeatsFinder:
    """Finds them in a pass of its own: give `decide` to a walk, then ask for `found`."""

    def __init__(self) -> None:
        self._repeats = Repeats()
        self._owners: dict[int, _Owner] = {}
        self._held = Held()
        self._owner_of: dict[int, int] = {}  # number of a hard link to number of what it is a link to

    def decide(self, entry: Entry) -> Verdict:
        """Note the entry; nothing is kept."""
        path = tar.normal_path(entry.name)
        if entry.kind == tar.HARD_LINK:
            self._link(entry, path)
        key = hash(path)
        self._repeats.last[key] = entry.number
        if tar.is_directory(entry.kind, entry.name, entry.size):
            self._repeats.files.pop(key, None)
        else:
            self._repeats.files[key] = entry.number
        return Verdict.DROP

    def _link(self, entry: Entry, path: bytes) -> None:
        target = tar.normal_path(entry.link)
        number = self._repeats.last.get(hash(target), -1)
        number = self._owner_of.get(number, number)
        if number >= 0:  # else it comes later, or never
            self._held.take(len(path) + (0 if number in self._owners else len(target)))
            self._owner_of[entry.number] = number
            self._owners.setdefault(number, _Owner(path=target)).links.append((entry.number, path))

    def found(self) -> Repeats:
        """After the archive's end."""
        for number, owner in self._owners.items():
            self._repeats.hand_over(number, owner)
        return self._repeats
