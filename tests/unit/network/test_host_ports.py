from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from hostpod.network.errors import NetworkError
from hostpod.network.host_ports import PublishedPort, change, maps, ways_in, ways_to

POD, OTHER = IPv4Address("10.85.0.2"), IPv4Address("10.85.0.3")
WEB = PublishedPort(protocol="TCP", port=8080, pod_port=80)
DNS = PublishedPort(protocol="UDP", port=53, pod_port=5353, address=IPv4Address("127.0.0.1"))
SCTP = PublishedPort(protocol="SCTP", port=9, pod_port=9)


def test_elements_as_nft_writes_them_are_read_back() -> None:
    ways = ways_to(POD, [WEB, DNS]) | ways_to(OTHER, [SCTP])
    assert ways_in(maps(ways)) == ways
    assert ways_in(maps(())) == frozenset()
    listing = (
        "\tmap host_ports {\n"
        "\t\ttype inet_proto . inet_service : ipv4_addr . inet_service\n"
        "\t\telements = { tcp . 8080 : 10.85.0.2 . 80,\n\t\t\t     sctp . 9 : 10.85.0.3 . 9 }\n\t}\n"
        "\tmap host_ports_at {\n"
        "\t\telements = { 127.0.0.1 . udp . 53 : 10.85.0.2 . 5353 }\n\t}\n"
    )
    assert ways_in(listing) == ways


def test_a_change_is_one_transaction_of_what_differs() -> None:
    assert change("hostpod", gone=ways_to(POD, [WEB, DNS]), new=ways_to(OTHER, [WEB, SCTP])) == (
        "delete element inet hostpod host_ports { tcp . 8080 }\n"
        "delete element inet hostpod host_ports_at { 127.0.0.1 . udp . 53 }\n"
        "add element inet hostpod host_ports { sctp . 9 : 10.85.0.3 . 9, tcp . 8080 : 10.85.0.3 . 80 }\n"
    )
    assert change("hostpod", gone=(), new=()) == ""


def test_an_address_that_pods_have_none_of_is_named() -> None:
    six = PublishedPort(protocol="TCP", port=80, pod_port=80, address=IPv6Address("2001:db8::1"))
    with pytest.raises(NetworkError) as refused:
        ways_to(POD, [WEB, six])
    assert str(refused.value) == (
        "cannot lead port TCP 80 of 2001:db8::1 to the pod: host ports are of IPv4 alone; remove hostIP"
    )
