"""hostpod's own nftables table as a text. Pure.

Nothing is accepted here: a verdict "accept" holds for its own chain alone and cannot open what another table drops.
A host whose forward chain drops by default must accept the bridge there.
"""

from __future__ import annotations

from ipaddress import IPv4Network

# How a table of ours is told from one of somebody else's with the same name.
OWNER_COMMENT = "made by hostpod"


def ruleset(*, table: str, bridge: str, subnet: IPv4Network, masquerade: bool) -> str:
    """One transaction that replaces the whole table, whether it is there or not."""
    chain = _masquerading(bridge, subnet) if masquerade else ""
    return (
        f"table inet {table}\n"
        f"delete table inet {table}\n"
        f"table inet {table} {{\n"
        f'    comment "{OWNER_COMMENT}"\n'
        f"{chain}"
        "}\n"
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
