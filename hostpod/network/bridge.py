"""The bridge that joins the pods. Blocking: call it in a thread."""

from __future__ import annotations

import errno
import socket
from collections.abc import Mapping
from ipaddress import IPv6Network

from hostpod.network import answers, messages
from hostpod.network.address import BRIDGE_MAC, PodSubnet, bridge_mac
from hostpod.network.collision import HostAddress, HostRoute, find_collision
from hostpod.network.errors import NetlinkError, NetworkError
from hostpod.network.netlink import Netlink
from hostpod.network.sysctl import settle_bridge

_VERSIONS: tuple[messages.Version, ...] = (4, 6)
_LINK_LOCAL = IPv6Network("fe80::/10")  # the kernel's own


def open_bridge(netlink: Netlink, name: str, subnet: PodSubnet) -> int:
    """Make the bridge, or put an earlier one in order, and return its index.

    NetworkError names what is in the way: a link of that name that is not hostpod's, or a network in the subnet.
    """
    versions = _VERSIONS if subnet.network6 else _VERSIONS[:1]
    addresses = [address for version in versions for address in all_addresses(netlink, version)]
    _refuse_collision(netlink, name, subnet, addresses)
    index = _index(netlink, name, subnet)
    settle_bridge(name, ipv6=subnet.network6 is not None)  # takes all of IPv6 from it, or lets it have some
    wanted = set(subnet.bridge_addresses)
    present = {a.interface for a in addresses if a.index == index and a.interface not in _LINK_LOCAL}
    for missing in wanted - present:
        netlink.change(messages.add_address(index, missing), what=(f"give bridge {name} the address {missing}",))
    for other in present - wanted:  # of an earlier subnet
        netlink.change(messages.remove_address(index, other), what=(f"take {other} from bridge {name}",))
    netlink.change(messages.link_up(index), what=(f"set bridge {name} up",))
    return index


def all_addresses(netlink: Netlink, version: messages.Version) -> list[answers.LinkAddress]:
    """Every address of this host's links."""
    return [answers.address(a) for a in netlink.dump(messages.all_addresses(version), what="list addresses")]


def link_exists(name: str) -> bool:
    """Whether there is a link of this name, a bridge or not."""
    return any(name == each for _, each in socket.if_nameindex())


def remove_bridge(netlink: Netlink, name: str) -> None:
    """Remove the bridge; nothing when there is none."""
    bridge = _find(netlink, name)
    if bridge is not None and _is_ours(bridge):
        netlink.change(messages.delete_link(name), what=(f"remove bridge {name}",))


def _refuse_collision(netlink: Netlink, name: str, subnet: PodSubnet, addresses: list[answers.LinkAddress]) -> None:
    links = dict(socket.if_nameindex())
    held = [HostAddress(link=links.get(a.index, "?"), interface=a.interface) for a in addresses]
    for network, setting in ((subnet.network, "subnet"), (subnet.network6, "subnet6")):
        if network is None:
            continue
        of_version = [address for address in held if address.interface.version == network.version]
        collision = find_collision(network, name, of_version, _routes(netlink, network.version, links))
        if collision is not None:
            raise NetworkError(
                f"cannot use subnet {network} for pods: it overlaps {collision}; set network.{setting} to a free one"
            )


def _routes(netlink: Netlink, version: messages.Version, links: Mapping[int, str]) -> list[HostRoute]:
    routes = [answers.route(a) for a in netlink.dump(messages.all_routes(version), what="list routes")]
    return [HostRoute(link=links.get(r.index, "?"), network=r.network) for r in routes if r is not None]


def _index(netlink: Netlink, name: str, subnet: PodSubnet) -> int:
    bridge = _find(netlink, name)
    if bridge is None:
        netlink.change(messages.make_bridge(name, bridge_mac(subnet.gateway)), what=(f"make bridge {name}",))
        bridge = _find(netlink, name)
    if bridge is None:
        raise NetworkError(f"cannot make bridge {name}: somebody removed it")
    if not _is_ours(bridge):
        raise NetworkError(
            f"cannot use {name} as bridge: a {bridge.kind or 'hardware'} link of that name is there that hostpod did "
            "not make; set network.bridge to another name"
        )
    return bridge.index


def _is_ours(link: answers.Link) -> bool:
    return link.kind == "bridge" and link.mac.startswith(BRIDGE_MAC)


def _find(netlink: Netlink, name: str) -> answers.Link | None:
    try:
        return answers.link(netlink.ask(messages.link_by_name(name), what=f"look at link {name}"))
    except NetlinkError as error:
        if error.number == errno.ENODEV:
            return None
        raise


def bridges_of_hostpod(netlink: Netlink) -> list[str]:
    """Names of the bridges that this and other instances have made."""
    links = [answers.link(a) for a in netlink.dump(messages.all_links(), what="list links")]
    return [link.name for link in links if _is_ours(link)]
