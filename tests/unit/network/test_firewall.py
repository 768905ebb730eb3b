from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from hostpod.config import NetworkConfig
from hostpod.network.firewall import is_ours, removal, ruleset
from hostpod.network.host_ports import PublishedPort, ways_to

WAYS = ways_to(
    IPv4Address("10.85.0.2"),
    [
        PublishedPort(protocol="TCP", port=8080, pod_port=80),
        PublishedPort(protocol="UDP", port=53, pod_port=53, address=IPv4Address("192.0.2.1")),
    ],
)


def test_the_table_is_replaced_as_a_whole_in_one_transaction() -> None:
    assert ruleset(NetworkConfig(), WAYS) == (
        "table inet hostpod\n"
        "delete table inet hostpod\n"
        "table inet hostpod {\n"
        '    comment "made by hostpod"\n'
        "    chain sources {\n"
        "        type filter hook prerouting priority raw; policy accept;\n"
        '        iifname "hostpod0" ip saddr != 10.85.0.0/16 drop\n'
        '        iifname "hostpod0" ip daddr 127.0.0.0/8 drop\n'
        "    }\n"
        "    map host_ports {\n"
        "        type inet_proto . inet_service : ipv4_addr . inet_service\n"
        "        elements = { tcp . 8080 : 10.85.0.2 . 80 }\n"
        "    }\n"
        "    map host_ports_at {\n"
        "        type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service\n"
        "        elements = { 192.0.2.1 . udp . 53 : 10.85.0.2 . 53 }\n"
        "    }\n"
        "    chain to_pods {\n"
        "        dnat ip to ip daddr . meta l4proto . th dport map @host_ports_at\n"
        "        dnat ip to meta l4proto . th dport map @host_ports\n"
        "    }\n"
        "    chain prerouting {\n"
        "        type nat hook prerouting priority dstnat; policy accept;\n"
        "        ip daddr != 127.0.0.0/8 fib daddr type local jump to_pods\n"
        "    }\n"
        "    chain output {\n"
        "        type nat hook output priority -100; policy accept;\n"
        "        fib daddr type local jump to_pods\n"
        "    }\n"
        "    chain postrouting {\n"
        "        type nat hook postrouting priority srcnat; policy accept;\n"
        '        ip saddr 10.85.0.0/16 oifname != "hostpod0" ip daddr != 224.0.0.0/4 masquerade fully-random\n'
        '        ip saddr { 127.0.0.0/8, 10.85.0.0/16 } oifname "hostpod0" ct status dnat masquerade fully-random\n'
        "    }\n"
        "}\n"
    )


def test_without_masquerading_foreign_sources_are_dropped_and_ports_led_all_the_same() -> None:
    text = ruleset(NetworkConfig(masquerade=False))
    assert "!= 10.85.0.0/16 drop" in text
    assert text.count("masquerade") == 1
    assert 'oifname "hostpod0" ct status dnat masquerade' in text
    assert "elements" not in text


@pytest.mark.parametrize(
    ("isolation", "from_pods", "from_host"),
    [("none", False, False), ("pods", True, False), ("host", False, True), ("all", True, True)],
)
def test_what_pods_are_kept_from(isolation: str, *, from_pods: bool, from_host: bool) -> None:
    text = ruleset(NetworkConfig.model_validate({"isolation": isolation}))
    assert ('iifname "hostpod0" oifname "hostpod0" ct status & dnat == 0 drop' in text) == from_pods
    assert ('        iifname "hostpod0" drop\n' in text) == from_host
    assert ('iifname "hostpod0" ct state established,related accept' in text) == from_host


IPV6 = {"subnet6": "fd00:85::/64"}


def test_both_families_have_their_rules() -> None:
    text = ruleset(NetworkConfig.model_validate(IPV6))
    assert [line.strip() for line in text.splitlines() if "ip6" in line] == [
        'iifname "hostpod0" ip6 saddr != { fd00:85::/64, fe80::/10 } drop',
        'ip6 saddr fd00:85::/64 oifname != "hostpod0" ip6 daddr != ff00::/8 masquerade fully-random',
    ]
    assert text.count("masquerade") == 3


def test_each_family_is_masqueraded_for_itself() -> None:
    def outwards(**settings: bool) -> list[str]:
        lines = ruleset(NetworkConfig.model_validate(IPV6 | settings)).splitlines()
        return [line.split()[0] for line in lines if "oifname !=" in line]

    assert outwards(masquerade6=False) == ["ip"]
    assert outwards(masquerade=False) == ["ip6"]


def test_the_table_names_itself_as_ours() -> None:
    assert is_ours(ruleset(NetworkConfig()))
    assert not is_ours("table inet filter {\n\tchain input {\n\t}\n}\n")


def test_removal_is_one_command() -> None:
    assert removal("hostpod") == "delete table inet hostpod\n"
