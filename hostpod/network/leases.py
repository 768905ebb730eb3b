"""Which pod has which address: one file per address, so that a lease is whole or absent at every moment.

A file is named like the address and holds the pod's uid, and below it the IPv6 address that came with it, where there
was one: what a pod was joined with is known when the settings have changed. It is written aside and then linked into
place: link(2) does not replace, so of two takers one wins, and no crash leaves a lease without an owner. The directory
lies in the runtime directory: a reboot, which ends all pods, frees all addresses.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from pathlib import Path

from hostpod.network.address import PodSubnet
from hostpod.network.errors import NetworkError

# The last address that was handed out: the search goes on behind it, also after a restart.
CURSOR = "cursor"

_UID_LIMIT = 253

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """A pod's addresses."""

    ip: IPv4Address
    ip6: IPv6Address | None = None

    def written(self, uid: str) -> str:
        """The file of the pod that has it."""
        return "".join(f"{line}\n" for line in (uid, self.ip6) if line)


class Leases:
    """The leases of one subnet. Used by one thread."""

    def __init__(self, directory: Path, subnet: PodSubnet) -> None:
        self._directory = directory
        self._subnet = subnet
        self._by_uid: dict[str, Lease] = {}
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
        uid, _, ip6 = path.read_text(errors="replace").strip().partition("\n")
        beside = self._subnet.beside(address)
        fits = self._subnet.is_for_pods(address) and ip6 in ("", str(beside))
        if not _is_uid(uid) or uid in self._by_uid or not fits:
            log.warning("removing the lease %s: it does not belong to a pod of %s", path, self._subnet)
            path.unlink()
            return
        self._hold(uid, Lease(ip=address, ip6=beside if ip6 else None))

    def find(self, uid: str) -> Lease | None:
        """The pod's addresses."""
        return self._by_uid.get(uid)

    def acquire(self, uid: str) -> Lease:
        """The pod's addresses: those it has, or the next free ones."""
        if uid in self._by_uid:
            return self._by_uid[uid]
        temporary = self._directory / f".{secrets.token_hex(8)}"
        try:
            try:
                lease = self._take(uid, temporary)
                self._last = lease.ip
                self._hold(uid, lease)
            finally:
                temporary.unlink(missing_ok=True)
            (self._directory / CURSOR).write_text(str(lease.ip))
        except OSError as error:
            raise NetworkError(f"cannot lease an address: {_reason(error)}: {error.filename}") from error
        return lease

    def _take(self, uid: str, temporary: Path) -> Lease:
        for address in self._candidates():
            lease = Lease(ip=address, ip6=self._subnet.beside(address))
            temporary.write_text(lease.written(uid))
            with suppress(FileExistsError):
                (self._directory / str(address)).hardlink_to(temporary)
                return lease
            self._taken.add(address)  # somebody else's: it is free again when the next start finds it so
        raise NetworkError(
            f"no address is free in subnet {self._subnet.network}: all {self._subnet.capacity} are in use; "
            "choose a larger network.subnet"
        )

    def _candidates(self) -> Iterator[IPv4Address]:
        while (address := self._subnet.next_free(self._taken, self._last)) is not None:
            yield address

    def _hold(self, uid: str, lease: Lease) -> None:
        self._by_uid[uid] = lease
        self._taken.add(lease.ip)

    def release(self, uid: str) -> None:
        """Give the pod's address back; nothing when it has none."""
        lease = self._by_uid.get(uid)
        if lease is None:
            return
        try:
            (self._directory / str(lease.ip)).unlink(missing_ok=True)
        except OSError as error:
            raise NetworkError(f"cannot give back the lease of {lease.ip}: {_reason(error)}") from error
        del self._by_uid[uid]
        self._taken.discard(lease.ip)

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
