"""rtnetlink answers, decoded by pyroute2, as values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

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
    interface: IPv4Interface
    is_global: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """The way to a network, and the source address the kernel would choose."""

    index: int
    network: IPv4Network
    source: IPv4Address | None


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
    """An answer about an IPv4 address."""
    message = _decoded(ifaddrmsg, answer)
    # On a point-to-point link IFA_ADDRESS is the other end's.
    own = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
    return LinkAddress(
        index=message["index"],
        interface=IPv4Interface((own, message["prefixlen"])),
        is_global=message["scope"] == _SCOPE_GLOBAL,
    )


def route(answer: bytes) -> Route | None:
    """An answer about an IPv4 route; None for one that leads nowhere, or through several links."""
    message = _decoded(rtmsg, answer)
    index = message.get_attr("RTA_OIF")
    if message["type"] != _TYPE_UNICAST or index is None:
        return None
    source = message.get_attr("RTA_PREFSRC")
    return Route(
        index=index,
        network=IPv4Network((message.get_attr("RTA_DST") or 0, message["dst_len"])),
        source=IPv4Address(source) if source else None,
    )


def _decoded(kind: Any, answer: bytes) -> Any:
    message = kind(answer)
    message.decode()
    return message
