"""hostpod's own nftables table as a text. Pure.

What is dropped here is dropped; but a verdict "accept" holds for its own chain alone and cannot open what another
table drops. A host whose forward chain drops by default must accept the bridge there.
"""

from __future__ import annotations

from ipaddress import IPv4Network

# How a table of ours is told from one of somebody else's with the same name.
OWNER_COMMENT = "made by hostpod"


def ruleset(*, table: str, bridge: str, subnet: IPv4Network, masquerade: bool) -> str:
    """One transaction that replaces the whole table, whether it is there or not."""
    chains = _only_own_sources(bridge, subnet) + (_masquerading(bridge, subnet) if masquerade else "")
    return (
        f"table inet {table}\n"
        f"delete table inet {table}\n"
        f"table inet {table} {{\n"
        f'    comment "{OWNER_COMMENT}"\n'
        f"{chains}"
        "}\n"
    )


def _only_own_sources(bridge: str, subnet: IPv4Network) -> str:
    # rp_filter would do the same, were it not for the host's conf/all, which can loosen it.
    return (
        "    chain sources {\n"
        "        type filter hook prerouting priority raw; policy accept;\n"
        f'        iifname "{bridge}" ip saddr != {subnet} drop\n'
        "    }\n"
    )


def _masquerading(bridge: str, subnet: IPv4Network) -> str:
    # `fully-random`: two pods that choose the same source port at once would else collide, and lose a packet.
    return (
        "    chain postrouting {\n"
        "        type nat hook postrouting priority srcnat; policy accept;\n"
        f'        ip saddr {subnet} oifname != "{bridge}" ip daddr != 224.0.0.0/4 masquerade fully-random\n'
        "    }\n"
    )


def removal(table: str) -> str:
    """One transaction that removes the table; it must be there."""
    return f"delete table inet {table}\n"


def is_ours(listing: str) -> bool:
    """Whether a listing of the table (`list table inet NAME`) shows that hostpod made it."""
    return f'comment "{OWNER_COMMENT}"' in listing
