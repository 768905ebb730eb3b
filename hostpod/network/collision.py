"""Whether a subnet of the pods is already in use on this host. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hostpod.network.address import IPInterface, IPNetwork

# What is wider is a default route in pieces (a VPN's 0.0.0.0/1 and 128.0.0.0/1), and gives way to any real network.
WIDEST_ROUTE_PREFIX = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class HostAddress:
    """An address of a link of the host."""

    link: str
    interface: IPInterface


@dataclass(frozen=True, kw_only=True, slots=True)
class HostRoute:
    """A network that the host reaches through a link."""

    link: str
    network: IPNetwork


def find_collision(
    subnet: IPNetwork, bridge: str, addresses: Iterable[HostAddress], routes: Iterable[HostRoute]
) -> str | None:
    """What the subnet overlaps, in words, or None. What is on the bridge itself is hostpod's own."""
    for address in addresses:
        if address.link != bridge and address.interface.network.overlaps(subnet):
            return f"address {address.interface} of link {address.link}"
    for route in routes:
        specific = route.network.prefixlen >= WIDEST_ROUTE_PREFIX
        if specific and route.link != bridge and route.network.overlaps(subnet):
            return f"the route to {route.network} through link {route.link}"
    return None
