"""rtnetlink requests, encoded by pyroute2. Pure.

Each takes its place in a batch: sequence numbers are 1, 2, 3 … . pyroute2 needs half a millisecond for the message that
makes a pod's link, so the two that every pod needs are templates: encoded once, filled in for each pod.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_interface
from typing import Any, Literal

from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from hostpod.network.address import IPAddress, IPInterface, mac_text
from hostpod.network.template import Template

POD_LINK = "eth0"
LOOPBACK_INDEX = 1

_NEWLINK, _DELLINK, _GETLINK, _SETLINK = 16, 17, 18, 19
_NEWADDR, _DELADDR, _GETADDR = 20, 21, 22
_NEWROUTE, _GETROUTE = 24, 26
_REQUEST, _ACK, _DUMP, _EXCLUSIVE, _CREATE = 0x1, 0x4, 0x300, 0x200, 0x400
_CHANGE = _REQUEST | _ACK
_MAKE = _CHANGE | _EXCLUSIVE | _CREATE

_UP = 1
_FAMILIES = {4: 2, 6: 10}  # AF_INET, AF_INET6
_NO_DETECTION = 0x02  # IFA_F_NODAD: the address is no guess, and usable at once
_TABLE_MAIN, _PROTO_STATIC, _TYPE_UNICAST = 254, 4, 1
_SKIP_STATISTICS = 8

_NUMBER = struct.Struct("=I")
_HOST_MAC_MARK, _POD_MAC_MARK = b"\x02\xf1\xf2\xf3\xf4\xf5", b"\x02\xf6\xf7\xf8\xf9\xfa"
_MTU_MARK, _NETNS_MARK, _INDEX_MARK = 0x7E1D2C3B, 0x7E2C3B4A, 0x7E3B4A59
_ADDRESS_MARKS: tuple[tuple[str, IPAddress], ...] = (
    ("address", IPv4Address("127.241.242.243")),
    ("address6", IPv6Address("fd7e:4d5c:6b7a:f8e9:7a6b:5c4d:3e2f:1a0b")),
)

Attributes = Sequence[tuple[str, Any]]
Version = Literal[4, 6]


def number(value: int) -> bytes:
    """A 32-bit number as messages hold it."""
    return _NUMBER.pack(value)


def _request(kind: Any, code: int, asked: int, /, *, sequence: int = 1, attrs: Attributes = (), **fields: int) -> bytes:
    message = kind()
    message["header"].update(type=code, flags=asked, sequence_number=sequence)
    for name, value in fields.items():
        message[name] = value
    message["attrs"] = list(attrs)
    message.encode()
    return bytes(message.data)


# What every pod needs


def pod_link_template(*, name_length: int, bridge_index: int) -> Template:
    """Makes both ends of a pod's link: the host's on the bridge and up, the pod's in its namespace from the start.

    To be filled: name, host_mac, pod_mac, mtu, netns (a descriptor). The pod's end cannot be up yet: while the kernel
    makes it, it has no other end.
    """
    name, mtu = "?" * name_length, ("IFLA_MTU", _MTU_MARK)
    pod_end = {
        "attrs": [
            ("IFLA_IFNAME", POD_LINK),
            mtu,
            ("IFLA_ADDRESS", mac_text(_POD_MAC_MARK)),
            ("IFLA_NET_NS_FD", _NETNS_MARK),
        ]
    }
    link = {"attrs": [("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", {"attrs": [("VETH_INFO_PEER", pod_end)]})]}
    attrs = [
        ("IFLA_IFNAME", name),
        mtu,
        ("IFLA_MASTER", bridge_index),
        ("IFLA_ADDRESS", mac_text(_HOST_MAC_MARK)),
        ("IFLA_LINKINFO", link),
    ]
    marks = {
        "name": name.encode(),
        "host_mac": _HOST_MAC_MARK,
        "pod_mac": _POD_MAC_MARK,
        "mtu": number(_MTU_MARK),
        "netns": number(_NETNS_MARK),
    }
    return Template(_request(ifinfmsg, _NEWLINK, _MAKE, attrs=attrs, flags=_UP, change=_UP), marks)


POD_SETUP_STEPS = (
    "set lo up in the pod",
    "set the pod's link up",
    "give the pod its address",
    "route the pod's way out",
)
POD_SETUP_STEPS6 = (*POD_SETUP_STEPS, "give the pod its IPv6 address", "route the pod's way out by IPv6")


def pod_setup_template(gateways: Sequence[IPInterface]) -> Template:
    """Everything inside the pod's namespace. Each subnet has its gateway, that of IPv4 comes first.

    The messages are those of POD_SETUP_STEPS, or for two subnets POD_SETUP_STEPS6. To be filled: index, address and,
    for two subnets, address6.
    """
    batch = link_up(LOOPBACK_INDEX, sequence=1) + link_up(_INDEX_MARK, sequence=2)
    marks = {"index": number(_INDEX_MARK)}
    for gateway, (name, mark), sequence in zip(gateways, _ADDRESS_MARKS, (3, 5), strict=False):
        address = ip_interface((mark, gateway.network.prefixlen))
        batch += add_address(_INDEX_MARK, address, sequence=sequence)
        batch += _default_route(_INDEX_MARK, gateway.ip, sequence=sequence + 1)
        marks[name] = mark.packed
    return Template(batch, marks)


def _default_route(index: int, gateway: IPAddress, *, sequence: int) -> bytes:
    attrs = [("RTA_GATEWAY", str(gateway)), ("RTA_OIF", index)]
    family = _FAMILIES[gateway.version]
    fields = {"family": family, "table": _TABLE_MAIN, "proto": _PROTO_STATIC, "type": _TYPE_UNICAST}
    return _request(rtmsg, _NEWROUTE, _MAKE, sequence=sequence, attrs=attrs, **fields)


# Links


def make_bridge(name: str, mac: bytes) -> bytes:
    """A bridge without spanning tree: a port forwards at once. Multicast is flooded, so no timers run for it."""
    data = [("IFLA_BR_STP_STATE", 0), ("IFLA_BR_FORWARD_DELAY", 0), ("IFLA_BR_MCAST_SNOOPING", 0)]
    link = {"attrs": [("IFLA_INFO_KIND", "bridge"), ("IFLA_INFO_DATA", {"attrs": data})]}
    attrs = [("IFLA_IFNAME", name), ("IFLA_ADDRESS", mac_text(mac)), ("IFLA_LINKINFO", link)]
    return _request(ifinfmsg, _NEWLINK, _MAKE, attrs=attrs)


def link_up(index: int, *, sequence: int = 1) -> bytes:
    """Set a link up."""
    return _request(ifinfmsg, _NEWLINK, _CHANGE, sequence=sequence, index=index, flags=_UP, change=_UP)


def link_by_name(name: str) -> bytes:
    """Ask for one link."""
    attrs = [("IFLA_IFNAME", name), ("IFLA_EXT_MASK", _SKIP_STATISTICS)]
    return _request(ifinfmsg, _GETLINK, _REQUEST, attrs=attrs)


def link_by_index(index: int) -> bytes:
    """Ask for one link."""
    return _request(ifinfmsg, _GETLINK, _REQUEST, index=index, attrs=[("IFLA_EXT_MASK", _SKIP_STATISTICS)])


def all_links() -> bytes:
    """Ask for every link."""
    return _request(ifinfmsg, _GETLINK, _REQUEST | _DUMP, attrs=[("IFLA_EXT_MASK", _SKIP_STATISTICS)])


def bridge_port(name: str, *, hairpin: bool, isolated: bool) -> bytes:
    """How a bridge treats a port: whether a packet may go back through it, and whether it may not go to another
    isolated one."""
    return _bridge_port(name, ("IFLA_BRPORT_MODE", int(hairpin)), ("IFLA_BRPORT_ISOLATED", int(isolated)))


def isolated_port(name: str, *, isolated: bool) -> bytes:
    """Whether a packet may not go from a port of a bridge to another isolated one."""
    return _bridge_port(name, ("IFLA_BRPORT_ISOLATED", int(isolated)))


def _bridge_port(name: str, *attrs: tuple[str, int]) -> bytes:
    data = {"attrs": list(attrs)}
    info = {"attrs": [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", data)]}
    return _request(ifinfmsg, _NEWLINK, _CHANGE, attrs=[("IFLA_IFNAME", name), ("IFLA_LINKINFO", info)])


def delete_link(name: str) -> bytes:
    """Remove a link; the other end of a veth pair goes with it."""
    return _request(ifinfmsg, _DELLINK, _CHANGE, attrs=[("IFLA_IFNAME", name)])


def move_to_group(name: str, group: int) -> bytes:
    """Put a link into a group of links."""
    return _request(ifinfmsg, _SETLINK, _CHANGE, attrs=[("IFLA_IFNAME", name), ("IFLA_GROUP", group)])


def delete_group(group: int) -> bytes:
    """Remove all links of a group at once."""
    return _request(ifinfmsg, _DELLINK, _CHANGE, attrs=[("IFLA_GROUP", group)])


# Addresses and routes


def add_address(index: int, interface: IPInterface, *, sequence: int = 1) -> bytes:
    """Give a link an address; the route to its network comes with it."""
    return _address(_NEWADDR, _MAKE, index, interface, sequence)


def remove_address(index: int, interface: IPInterface) -> bytes:
    """Take an address from a link."""
    return _address(_DELADDR, _CHANGE, index, interface, 1)


def _address(code: int, flags: int, index: int, interface: IPInterface, sequence: int) -> bytes:
    attrs = [("IFA_LOCAL", str(interface.ip)), ("IFA_ADDRESS", str(interface.ip))]
    fields = {"family": _FAMILIES[interface.version], "prefixlen": interface.network.prefixlen, "index": index}
    if interface.version == 6:
        fields["flags"] = _NO_DETECTION
    return _request(ifaddrmsg, code, flags, sequence=sequence, attrs=attrs, **fields)


def all_addresses(version: Version) -> bytes:
    """Ask for every address of IPv4 or IPv6."""
    return _request(ifaddrmsg, _GETADDR, _REQUEST | _DUMP, family=_FAMILIES[version])


def all_routes(version: Version) -> bytes:
    """Ask for every route of IPv4 or IPv6."""
    return _request(rtmsg, _GETROUTE, _REQUEST | _DUMP, family=_FAMILIES[version])


def route_to(address: IPAddress) -> bytes:
    """Ask which way a packet to the address would go."""
    fields = {"family": _FAMILIES[address.version], "dst_len": address.max_prefixlen}
    return _request(rtmsg, _GETROUTE, _REQUEST, attrs=[("RTA_DST", str(address))], **fields)
