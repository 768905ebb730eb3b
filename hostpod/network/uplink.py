"""The host's way to the world: the link of its default route."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from hostpod.network import answers, messages
from hostpod.network.address import IPAddress
from hostpod.network.bridge import all_addresses
from hostpod.network.errors import NetlinkError
from hostpod.network.netlink import Netlink

log = logging.getLogger(__name__)

# Addresses that nobody has (TEST-NET-1, and IPv6's like), so that only a default route leads to them.
SOMEWHERE: Mapping[int, IPAddress] = {4: IPv4Address("192.0.2.1"), 6: IPv6Address("2001:db8::1")}
FALLBACK_MTU = 1500

_GROUPS = {4: 7, 6: 11}  # RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE
# A host that learns many routes must not keep hostpod busy.
_SETTLE_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Uplink:
    """Name and MTU of the uplink, and the host's address on it."""

    link: str
    mtu: int
    address: str | None


def find_uplink(netlink: Netlink, version: messages.Version) -> Uplink | None:
    """The uplink now, or None where there is no default route of that family."""
    try:
        route = answers.route(netlink.ask(messages.route_to(SOMEWHERE[version]), what="find the default route"))
        if route is None:
            return None
        link = answers.link(netlink.ask(messages.link_by_index(route.index), what="look at the uplink"))
    except NetlinkError as error:
        if error.number in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENODEV, errno.EACCES, errno.EINVAL):
            return None
        raise
    return Uplink(link=link.name, mtu=link.mtu, address=str(route.source) if route.source else None)


def find_any_address(netlink: Netlink, version: messages.Version, *, except_index: int) -> str | None:
    """An address that others may know the host by, where no default route chooses one."""
    found = all_addresses(netlink, version)
    usable = (a for a in found if a.is_global and a.index != except_index and not a.interface.ip.is_loopback)
    first = next(usable, None)
    return str(first.interface.ip) if first else None


class UplinkWatch:
    """Knows the uplink as it changes: the kernel tells of new routes, nothing is polled."""

    def __init__(self, *, bridge_index: int, ipv6: bool = False) -> None:
        self._bridge_index = bridge_index
        self._versions: tuple[messages.Version, ...] = (4, 6) if ipv6 else (4,)
        self._news = Netlink(groups=[_GROUPS[version] for version in self._versions])
        self._loop = asyncio.get_running_loop()
        self._settling: asyncio.TimerHandle | None = None
        self._look()

    @property
    def mtu(self) -> int:
        return self._uplink.mtu if self._uplink else FALLBACK_MTU

    @property
    def addresses(self) -> tuple[str, ...]:
        """The host's addresses, for those who ask where a pod runs: IPv4 first, IPv6 where pods have it."""
        return self._addresses

    def _look(self) -> None:
        self._settling = None
        self._loop.add_reader(self._news.fileno(), self._told)
        self._news.news()  # that there are some is all
        with Netlink() as netlink:
            uplinks = {version: find_uplink(netlink, version) for version in self._versions}
            self._uplink = next((uplink for uplink in uplinks.values() if uplink), None)
            found = (self._address(netlink, version, uplink) for version, uplink in uplinks.items())
            self._addresses = tuple(address for address in found if address)

    def _address(self, netlink: Netlink, version: messages.Version, uplink: Uplink | None) -> str | None:
        if uplink is not None and uplink.address is not None:
            return uplink.address
        return find_any_address(netlink, version, except_index=self._bridge_index)

    def _told(self) -> None:
        self._loop.remove_reader(self._news.fileno())
        self._settling = self._loop.call_later(_SETTLE_S, self._look_again)

    def _look_again(self) -> None:
        try:
            self._look()
        except (OSError, NetlinkError) as error:
            log.warning("the uplink is taken to be as it was: %s", error)

    def close(self) -> None:
        self._loop.remove_reader(self._news.fileno())
        if self._settling:
            self._settling.cancel()
        self._news.close()
