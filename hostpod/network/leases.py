"""Which pod has which address: one file per address, so that a lease is whole or absent at every moment.

A file is named like the address and holds the pod's uid. It is written aside and then linked into place: link(2) does
not replace, so of two takers one wins, and no crash leaves a lease without an owner. The directory lies in the runtime
directory: a reboot, which ends all pods, frees all addresses.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from hostpod.network.address import PodSubnet
from hostpod.network.errors import NetworkError

# The last address that was handed out: the search goes on behind it, also after a restart.
CURSOR = "cursor"

_UID_LIMIT = 253

log = logging.getLogger(__name__)


class Leases:
    """The leases of one subnet. Used by one thread."""

    def __init__(self, directory: Path, subnet: PodSubnet) -> None:
        self._directory = directory
        self._subnet = subnet
        self._by_uid: dict[str, IPv4Address] = {}
        self._taken: set[IPv4Address] = set()
        self._last: IPv4Address | None = None

    def open(self) -> None:
        """Read what is there; what cannot be a lease of this subnet is removed."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in sorted(self._directory.iterdir()):
                self._read(path)
        except OSError as error:
            raise NetworkError(f"cannot read the leases in {self._directory}: {_reason(error)}") from error

    def _read(self, path: Path) -> None:
        if path.name == CURSOR:
            self._last = _address(path.read_text(errors="replace").strip())
            return
        address = _address(path.name)
        if address is None:
            if path.name.startswith("."):
                path.unlink()  # a lease that a crash kept from its place
            return
        uid = path.read_text(errors="replace").strip()
        if not _is_uid(uid) or uid in self._by_uid or not self._subnet.is_for_pods(address):
            log.warning("removing the lease %s: it does not belong to a pod of subnet %s", path, self._subnet.network)
            path.unlink()
            return
        self._hold(uid, address)

    def find(self, uid: str) -> IPv4Address | None:
        """The pod's address."""
        return self._by_uid.get(uid)

    def acquire(self, uid: str) -> IPv4Address:
        """The pod's address: the one it has, or the next free one."""
        if uid in self._by_uid:
            return self._by_uid[uid]
        temporary = self._directory / f".{secrets.token_hex(8)}"
        try:
            try:
                temporary.write_text(f"{uid}\n")
                address = self._last = self._link(temporary)
                self._hold(uid, address)
            finally:
                temporary.unlink(missing_ok=True)
            (self._directory / CURSOR).write_text(str(address))
        except OSError as error:
            raise NetworkError(f"cannot lease an address: {_reason(error)}: {error.filename}") from error
        return address

    def _link(self, temporary: Path) -> IPv4Address:
        for address in self._candidates():
            with suppress(FileExistsError):
                (self._directory / str(address)).hardlink_to(temporary)
                return address
            self._taken.add(address)  # somebody else's: it is free again when the next start finds it so
        raise NetworkError(
            f"no address is free in subnet {self._subnet.network}: all {self._subnet.capacity} are in use; "
            "choose a larger network.subnet"
        )

    def _candidates(self) -> Iterator[IPv4Address]:
        while (address := self._subnet.next_free(self._taken, self._last)) is not None:
            yield address

    def _hold(self, uid: str, address: IPv4Address) -> None:
        self._by_uid[uid] = address
        self._taken.add(address)

    def release(self, uid: str) -> None:
        """Give the pod's address back; nothing when it has none."""
        address = self._by_uid.get(uid)
        if address is None:
            return
        try:
            (self._directory / str(address)).unlink(missing_ok=True)
        except OSError as error:
            raise NetworkError(f"cannot give back the lease of {address}: {_reason(error)}") from error
        del self._by_uid[uid]
        self._taken.discard(address)

    def uids(self) -> frozenset[str]:
        """The pods that have an address."""
        return frozenset(self._by_uid)


def _address(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except AddressValueError:
        return None


def _is_uid(text: str) -> bool:
    return 0 < len(text) <= _UID_LIMIT and text.isprintable()


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
