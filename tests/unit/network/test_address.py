from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.network.address import (
    PodSubnet,
    bridge_mac,
    host_end_mac,
    host_link,
    is_host_link,
    mac_text,
    pod_mac,
)

SMALL = PodSubnet.parse("10.9.8.0/29")
POD_ADDRESSES = [IPv4Address(f"10.9.8.{last}") for last in range(2, 7)]


def test_the_first_address_is_the_bridges_and_the_last_is_broadcast() -> None:
    assert SMALL.gateway == IPv4Address("10.9.8.1")
    assert SMALL.prefix_len == 29
    assert SMALL.capacity == len(POD_ADDRESSES)
    assert [a for a in SMALL.network if SMALL.is_for_pods(a)] == POD_ADDRESSES


@pytest.mark.parametrize("text", ["10.9.8.0/31", "10.9.8.1/24", "10.9.8.0/33", "pods"])
def test_a_subnet_without_room_or_with_host_bits_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        PodSubnet.parse(text)


@pytest.mark.parametrize(
    ("text", "text6"), [("10.0.0.0/8", "fd00::/112"), ("10.9.8.0/24", "fd00::1/64"), ("10.9.8.0/24", "10.9.7.0/24")]
)
def test_an_ipv6_subnet_with_fewer_addresses_or_host_bits_is_refused(text: str, text6: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        PodSubnet.parse(text, text6)


def test_every_address_has_its_counterpart_in_the_ipv6_subnet() -> None:
    both = PodSubnet.parse("10.85.0.0/16", "fd00:85::/112")
    assert both.beside(IPv4Address("10.85.0.2")) == IPv6Address("fd00:85::2")
    assert both.beside(IPv4Address("10.85.255.254")) == IPv6Address("fd00:85::fffe")
    assert both.bridge_addresses == (IPv4Interface("10.85.0.1/16"), IPv6Interface("fd00:85::1/112"))
    assert str(both) == "subnets 10.85.0.0/16 and fd00:85::/112"


def test_without_an_ipv6_subnet_there_are_no_counterparts() -> None:
    assert SMALL.beside(POD_ADDRESSES[0]) is None
    assert SMALL.bridge_addresses == (IPv4Interface("10.9.8.1/29"),)
    assert str(SMALL) == "subnet 10.9.8.0/29"


def test_addresses_go_round_so_that_a_freed_one_rests() -> None:
    taken = {POD_ADDRESSES[0], POD_ADDRESSES[1]}
    assert SMALL.next_free(taken, POD_ADDRESSES[1]) == POD_ADDRESSES[2]
    assert SMALL.next_free({POD_ADDRESSES[1]}, POD_ADDRESSES[1]) == POD_ADDRESSES[2]
    assert SMALL.next_free({POD_ADDRESSES[1]}, POD_ADDRESSES[4]) == POD_ADDRESSES[0]


@given(st.sets(st.sampled_from(POD_ADDRESSES)), st.none() | st.sampled_from([*POD_ADDRESSES, IPv4Address("1.2.3.4")]))
def test_a_free_address_is_found_exactly_when_there_is_one(taken: set[IPv4Address], after: IPv4Address | None) -> None:
    found = SMALL.next_free(taken, after)
    if len(taken) == len(POD_ADDRESSES):
        assert found is None
    else:
        assert found in set(POD_ADDRESSES) - taken


@given(st.ip_addresses(v=4, network=str(IPv4Network("10.85.0.0/16"))))
def test_hardware_addresses_are_local_unicast_and_follow_from_the_address(address: IPv4Address) -> None:
    macs = [pod_mac(address), host_end_mac(address), bridge_mac(address)]
    assert all(mac[0] & 0b11 == 0b10 and len(mac) == 6 for mac in macs)
    assert len(set(macs)) == 3


def test_a_hardware_address_as_people_write_it() -> None:
    assert mac_text(pod_mac(IPv4Address("10.85.0.2"))) == "0a:58:0a:55:00:02"


def test_a_link_name_fits_the_kernels_15_letters_and_is_known_again() -> None:
    name = host_link("hpodx", "0123456789abcdef0123456789abcdef")
    assert len(name) == 15
    assert is_host_link("hpodx", name)
    assert name == host_link("hpodx", "0123456789abcdef0123456789abcdef")
    assert name != host_link("hpodx", "1123456789abcdef0123456789abcdef")


@pytest.mark.parametrize("name", ["hostpod0", "hp", "hp012345678", "hp0123456789a", "hp012345678g", "xx0123456789"])
def test_other_links_are_not_taken_for_a_pods(name: str) -> None:
    assert not is_host_link("hp", name)
