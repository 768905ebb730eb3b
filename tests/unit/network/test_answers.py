"""Answers are made by the messages' own encoder, or asked of the kernel (which needs no rights)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from hostpod.network import answers, messages
from hostpod.network.answers import LinkAddress, Route


def route(kind: int, attrs: list[tuple[str, object]], dst_len: int, *, family: int = 2) -> bytes:
    message = rtmsg()
    message["header"]["type"] = 24
    message.update(family=family, type=kind, dst_len=dst_len)
    message["attrs"] = attrs
    message.encode()
    return bytes(message.data)


def test_a_link() -> None:
    link = answers.link(messages.make_bridge("hostpod0", b"\x0e\x70\x0a\x55\x00\x01"))
    assert (link.name, link.kind, link.mac) == ("hostpod0", "bridge", b"\x0e\x70\x0a\x55\x00\x01")


def test_an_address() -> None:
    address = answers.address(messages.add_address(3, IPv4Interface("10.85.0.1/16")))
    assert address == LinkAddress(index=3, interface=IPv4Interface("10.85.0.1/16"), is_global=True)


def test_an_ipv6_address() -> None:
    address = answers.address(messages.add_address(3, IPv6Interface("fd00:85::1/64")))
    assert address == LinkAddress(index=3, interface=IPv6Interface("fd00:85::1/64"), is_global=True)


def test_the_own_address_of_a_point_to_point_link_is_the_local_one() -> None:
    message = ifaddrmsg()
    message["header"]["type"] = 20
    message.update(family=2, index=4, prefixlen=32, scope=253)
    message["attrs"] = [("IFA_ADDRESS", "10.0.0.2"), ("IFA_LOCAL", "10.0.0.1")]
    message.encode()
    address = answers.address(bytes(message.data))
    assert address == LinkAddress(index=4, interface=IPv4Interface("10.0.0.1/32"), is_global=False)


def test_a_route() -> None:
    attrs: list[tuple[str, object]] = [("RTA_DST", "10.1.0.0"), ("RTA_OIF", 2), ("RTA_PREFSRC", "10.1.0.9")]
    found = answers.route(route(1, attrs, 16))
    assert found == Route(index=2, network=IPv4Network("10.1.0.0/16"), source=IPv4Address("10.1.0.9"))


def test_a_default_route_has_no_destination() -> None:
    found = answers.route(route(1, [("RTA_OIF", 2)], 0))
    assert found == Route(index=2, network=IPv4Network("0.0.0.0/0"), source=None)


def test_an_ipv6_route() -> None:
    attrs: list[tuple[str, object]] = [("RTA_DST", "fd00:1::"), ("RTA_OIF", 2), ("RTA_PREFSRC", "fd00:1::9")]
    found = answers.route(route(1, attrs, 64, family=10))
    assert found == Route(index=2, network=IPv6Network("fd00:1::/64"), source=IPv6Address("fd00:1::9"))
    found = answers.route(route(1, [("RTA_OIF", 2)], 0, family=10))
    assert found == Route(index=2, network=IPv6Network("::/0"), source=None)


def test_a_route_that_leads_nowhere_is_none() -> None:
    assert answers.route(route(6, [("RTA_DST", "10.1.0.0"), ("RTA_OIF", 1)], 16)) is None
    assert answers.route(route(1, [("RTA_DST", "10.1.0.0")], 16)) is None
