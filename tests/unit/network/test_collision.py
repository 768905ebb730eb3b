from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network

import pytest

from hostpod.network.collision import HostAddress, HostRoute, find_collision

SUBNET = IPv4Network("10.85.0.0/16")


def address(link: str, text: str) -> HostAddress:
    return HostAddress(link=link, interface=ip_interface(text))


def route(link: str, text: str) -> HostRoute:
    return HostRoute(link=link, network=ip_network(text))


@pytest.mark.parametrize("own", ["10.85.3.1/24", "10.0.0.7/8", "10.85.0.1/32"])
def test_an_address_of_a_network_in_the_subnet_is_named(own: str) -> None:
    found = find_collision(SUBNET, "hostpod0", [address("eth0", "192.0.2.3/24"), address("eth1", own)], [])
    assert found == f"address {own} of link eth1"


def test_a_route_into_the_subnet_is_named() -> None:
    found = find_collision(SUBNET, "hostpod0", [], [route("tun0", "10.85.128.0/17")])
    assert found == "the route to 10.85.128.0/17 through link tun0"


@pytest.mark.parametrize("wide", ["0.0.0.0/0", "0.0.0.0/1"])
def test_a_default_route_even_in_two_pieces_is_no_collision(wide: str) -> None:
    assert find_collision(SUBNET, "hostpod0", [], [route("tun0", wide)]) is None


def test_what_is_on_the_bridge_itself_is_no_collision() -> None:
    own = [address("hostpod0", "10.85.0.1/16")], [route("hostpod0", "10.85.0.0/16")]
    assert find_collision(SUBNET, "hostpod0", *own) is None


def test_another_instances_subnet_is_no_collision() -> None:
    other = [address("hostpod1", "10.86.0.1/16")], [route("hostpod1", "10.86.0.0/16")]
    assert find_collision(SUBNET, "hostpod0", *other) is None


def test_an_ipv6_subnet_is_judged_as_an_ipv4_one_is() -> None:
    subnet = IPv6Network("fd00:85::/64")
    ula, own = route("tun0", "fd00:85::/48"), route("hostpod0", "fd00:85::/64")
    assert find_collision(subnet, "hostpod0", [address("eth0", "fe80::1/64")], [own, route("eth0", "::/0")]) is None
    assert find_collision(subnet, "hostpod0", [], [ula]) == "the route to fd00:85::/48 through link tun0"
    found = find_collision(subnet, "hostpod0", [address("eth0", "fd00:85::7/64")], [])
    assert found == "address fd00:85::7/64 of link eth0"
