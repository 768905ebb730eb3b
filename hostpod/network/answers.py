"""rtnetlink answers, decoded by pyroute2, as values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_address
from typing import Any

from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from hostpod.network.address import IPAddress, IPInterface, IPNetwork

_INET6 = 10
_TYPE_UNICAST = 1
_SCOPE_GLOBAL = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A network link; `kind` is empty for hardware."""

    index: int
    name: str
    kind: str
    mac: bytes
    mtu: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkAddress:
    """An address of the link with this index."""

    index: int
    interface: IPInterface
    is_global: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """The way to a network, and the source address the kernel would choose."""

    index: int
    network: IPNetwork
    source: IPAddress | None


def link(answer: bytes) -> Link:
    """An answer about a link."""
    message = _decoded(ifinfmsg, answer)
    info = message.get_attr("IFLA_LINKINFO")
    return Link(
        index=message["index"],
        name=message.get_attr("IFLA_IFNAME"),
        kind=(info.get_attr("IFLA_INFO_KIND") if info else None) or "",
        mac=bytes.fromhex((message.get_attr("IFLA_ADDRESS") or "").replace(":", "")),
        mtu=message.get_attr("IFLA_MTU"),
    )


def address(answer: bytes) -> LinkAddress:
    """An answer about an address."""
    message = _decoded(ifaddrmsg, answer)
    # On a point-to-point link IFA_ADDRESS is the other end's.
    own = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
    interface = IPv6Interface if message["family"] == _INET6 else IPv4Interface
    return LinkAddress(
        index=message["index"],
        interface=interface((own, message["prefixlen"])),
        is_global=message["scope"] == _SCOPE_GLOBAL,
    )


def route(answer: bytes) -> Route | None:
    """An answer about a route; None for one that leads nowhere, or through several links."""
    message = _decoded(rtmsg, answer)
    index = message.get_attr("RTA_OIF")
    if message["type"] != _TYPE_UNICAST or index is None:
        return None
    source = message.get_attr("RTA_PREFSRC")
    network = IPv6Network if message["family"] == _INET6 else IPv4Network
    return Route(
        index=index,
        network=network((message.get_attr("RTA_DST") or 0, message["dst_len"])),
        source=ip_address(source) if source else None,
    )


def _decoded(kind: Any, answer: bytes) -> Any:
    message = kind(answer)
    message.decode()
    return message
