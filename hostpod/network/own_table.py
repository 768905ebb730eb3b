"""hostpod's own nftables table on this host. Blocking: call it in a thread, one call at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from hostpod.network import libnftables
from hostpod.network.errors import NetworkError
from hostpod.network.firewall import is_ours, removal
from hostpod.network.host_ports import Way, change, ways_in
from hostpod.network.libnftables import NftablesError

_ELEMENTS = re.compile(r"\s*elements = \{[^}]*\}")


class OwnTable:
    """The table `name`, whose whole text `rules` gives, and the ways to pods that are in its maps."""

    def __init__(self, name: str, rules: Callable[[Iterable[Way]], str]) -> None:
        self._name = name
        self._rules = rules
        self._ways: frozenset[Way] = frozenset()
        self._shape: str | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def ways(self) -> frozenset[Way]:
        """What the maps have."""
        return self._ways

    def read(self) -> None:
        """Find the ways that an earlier daemon has left in the maps."""
        listing = self._listing()
        self._ways = ways_in(listing) if listing is not None and is_ours(listing) else frozenset()

    def write(self) -> None:
        """Write the table anew in one transaction, with the ways that an earlier daemon has left in it.

        So nobody finds a port without its pod while a daemon starts; whose pods are gone is known later (`change`).
        NetworkError when a table of that name is somebody else's.
        """
        self.read()
        self._replace(self._ways)

    def change(self, *, gone: Iterable[Way] = (), new: Iterable[Way] = ()) -> None:
        """Take ways out and put others in, in one transaction; those that are as wished cost nothing."""
        wanted = (self._ways - frozenset(gone)) | frozenset(new)
        if wanted == self._ways:
            return
        try:
            text = change(self._name, gone=self._ways - wanted, new=wanted - self._ways)
            libnftables.run(text, what=f"change nftables table {self._name}")
        except NftablesError:
            # Somebody has emptied or removed the table (`nft flush ruleset`): all of it is written again.
            self._replace(wanted)
        self._ways = wanted

    def _replace(self, ways: frozenset[Way]) -> None:
        listing = self._listing()
        if listing is not None and not is_ours(listing):
            raise NetworkError(
                f"cannot use nftables table inet {self._name}: it is there and hostpod did not make it; "
                "set network.table to another name"
            )
        libnftables.run(self._rules(ways), what=f"write nftables table {self._name}")
        self._ways = ways
        self._shape = _shape(self._listing())

    def mend(self) -> bool:
        """Write the table anew where it is not what was written; whether that was so."""
        listing = self._listing()
        if _shape(listing) == self._shape and ways_in(listing or "") == self._ways:
            return False
        self._replace(self._ways)
        return True

    def remove(self) -> None:
        """Remove the table; nothing when there is none, or one of somebody else's."""
        listing = self._listing()
        if listing is not None and is_ours(listing):
            libnftables.run(removal(self._name), what=f"remove nftables table {self._name}")
        self._ways = frozenset()

    def _listing(self) -> str | None:
        if self._name not in libnftables.tables():
            return None
        return libnftables.run(f"list table inet {self._name}", what=f"read nftables table {self._name}")


def _shape(listing: str | None) -> str | None:
    """What a listing says besides the ways."""
    return None if listing is None else _ELEMENTS.sub("", listing)
