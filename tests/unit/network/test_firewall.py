from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from hostpod.network.firewall import is_ours, removal, ruleset

SUBNET = IPv4Network("10.85.0.0/16")
SUBNET6 = IPv6Network("fd00:85::/64")


def test_the_table_is_replaced_as_a_whole_in_one_transaction() -> None:
    assert ruleset(table="hostpod", bridge="hostpod0", subnet=SUBNET, masquerade=True) == (
        "table inet hostpod\n"
        "delete table inet hostpod\n"
        "table inet hostpod {\n"
        '    comment "made by hostpod"\n'
        "    chain sources {\n"
        "        type filter hook prerouting priority raw; policy accept;\n"
        '        iifname "hostpod0" ip saddr != 10.85.0.0/16 drop\n'
        "    }\n"
        "    chain postrouting {\n"
        "        type nat hook postrouting priority srcnat; policy accept;\n"
        '        ip saddr 10.85.0.0/16 oifname != "hostpod0" ip daddr != 224.0.0.0/4 masquerade fully-random\n'
        "    }\n"
        "}\n"
    )


def test_without_masquerading_foreign_sources_are_dropped_all_the_same() -> None:
    text = ruleset(table="hostpod", bridge="hostpod0", subnet=SUBNET, masquerade=False)
    assert "nat" not in text
    assert "drop" in text


def test_both_families_have_their_rules() -> None:
    text = ruleset(table="hostpod", bridge="hostpod0", subnet=SUBNET, subnet6=SUBNET6, masquerade=True)
    assert [line.strip() for line in text.splitlines() if "ip6" in line] == [
        'iifname "hostpod0" ip6 saddr != { fd00:85::/64, fe80::/10 } drop',
        'ip6 saddr fd00:85::/64 oifname != "hostpod0" ip6 daddr != ff00::/8 masquerade fully-random',
    ]
    assert text.count("masquerade") == 2


def test_each_family_is_masqueraded_for_itself() -> None:
    text = ruleset(
        table="hostpod", bridge="hostpod0", subnet=SUBNET, subnet6=SUBNET6, masquerade=True, masquerade6=False
    )
    assert [line.split()[0] for line in text.splitlines() if "masquerade" in line] == ["ip"]
    text = ruleset(table="hostpod", bridge="hostpod0", subnet=SUBNET, subnet6=SUBNET6, masquerade=False)
    assert [line.split()[0] for line in text.splitlines() if "masquerade" in line] == ["ip6"]


def test_the_table_names_itself_as_ours() -> None:
    assert is_ours(ruleset(table="hostpod", bridge="hostpod0", subnet=SUBNET, masquerade=True))
    assert not is_ours("table inet filter {\n\tchain input {\n\t}\n}\n")


def test_removal_is_one_command() -> None:
    assert removal("hostpod") == "delete table inet hostpod\n"
