"""hostpod's own nftables table as a text. Pure.

What is dropped here is dropped; but a verdict "accept" holds for its own chain alone and cannot open what another
table drops. A host whose forward chain drops by default must accept the bridge there.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from hostpod.network.address import IPNetwork

# How a table of ours is told from one of somebody else's with the same name.
OWNER_COMMENT = "made by hostpod"


def ruleset(
    *,
    table: str,
    bridge: str,
    subnet: IPv4Network,
    masquerade: bool,
    subnet6: IPv6Network | None = None,
    masquerade6: bool = True,
) -> str:
    """One transaction that replaces the whole table, whether it is there or not."""
    chains = _only_own_sources(bridge, subnet, subnet6)
    chains += _masquerading(bridge, subnet if masquerade else None, subnet6 if masquerade6 else None)
    return (
        f"table inet {table}\n"
        f"delete table inet {table}\n"
        f"table inet {table} {{\n"
        f'    comment "{OWNER_COMMENT}"\n'
        f"{chains}"
        "}\n"
    )


def _only_own_sources(bridge: str, subnet: IPv4Network, subnet6: IPv6Network | None) -> str:
    # rp_filter would do the same, were it not for the host's conf/all, which can loosen it; IPv6 has none. There,
    # neighbours are asked for from link-local addresses as well, and nobody forwards those.
    rule6 = f'        iifname "{bridge}" ip6 saddr != {{ {subnet6}, fe80::/10 }} drop\n' if subnet6 else ""
    return (
        "    chain sources {\n"
        "        type filter hook prerouting priority raw; policy accept;\n"
        f'        iifname "{bridge}" ip saddr != {subnet} drop\n'
        f"{rule6}"
        "    }\n"
    )


def _masquerading(bridge: str, subnet: IPv4Network | None, subnet6: IPv6Network | None) -> str:
    # `fully-random`: two pods that choose the same source port at once would else collide, and lose a packet.
    of_pods: tuple[tuple[str, IPNetwork | None, str], ...] = (
        ("ip", subnet, "224.0.0.0/4"),
        ("ip6", subnet6, "ff00::/8"),
    )
    rules = [
        f'        {ip} saddr {network} oifname != "{bridge}" {ip} daddr != {multicast} masquerade fully-random\n'
        for ip, network, multicast in of_pods
        if network
    ]
    hook = "        type nat hook postrouting priority srcnat; policy accept;\n"
    return "".join(("    chain postrouting {\n", hook, *rules, "    }\n")) if rules else ""


def removal(table: str) -> str:
    """One transaction that removes the table; it must be there."""
    return f"delete table inet {table}\n"


def is_ours(listing: str) -> bool:
    """Whether a listing of the table (`list table inet NAME`) shows that hostpod made it."""
    return f'comment "{OWNER_COMMENT}"' in listing
