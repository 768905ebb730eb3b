"""hostpod's own nftables table as a text. Pure.

What is dropped here is dropped; but a verdict "accept" holds for its own chain alone and cannot open what another
table drops. A host whose forward chain drops by default must accept the bridge there.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from hostpod.config import NetworkConfig
from hostpod.network import host_ports
from hostpod.network.host_ports import Way

# How a table of ours is told from one of somebody else's with the same name.
OWNER_COMMENT = "made by hostpod"

# Settings of `network.isolation` that keep pods from one another, and from the host.
FROM_PODS, FROM_HOST = ("pods", "all"), ("host", "all")


def ruleset(config: NetworkConfig, ways: Iterable[Way] = ()) -> str:
    """One transaction that replaces the whole table, whether it is there or not, with these ways to pods in it."""
    table, bridge, subnet = config.table, config.bridge, IPv4Network(config.subnet)
    subnet6 = IPv6Network(config.subnet6) if config.subnet6 else None
    chains = (
        _only_own_sources(bridge, subnet, subnet6),
        host_ports.maps(ways),
        _leading_to_pods(),
        _kept_from_pods(bridge) if config.isolation in FROM_PODS else "",
        _kept_from_host(bridge) if config.isolation in FROM_HOST else "",
        _masquerading(bridge, subnet, subnet6 if config.masquerade6 else None, world=config.masquerade),
    )
    return (
        f"table inet {table}\n"
        f"delete table inet {table}\n"
        f"table inet {table} {{\n"
        f'    comment "{OWNER_COMMENT}"\n'
        f"{''.join(chains)}"
        "}\n"
    )


def _only_own_sources(bridge: str, subnet: IPv4Network, subnet6: IPv6Network | None) -> str:
    # rp_filter would do the first, were it not for the host's conf/all, which can loosen it. The second is what the
    # kernel does by itself where a link has no route_localnet: the bridge has it, for answers to 127.0.0.1. IPv6 has
    # neither; there, neighbours are asked for from link-local addresses as well, and nobody forwards those.
    rule6 = f'        iifname "{bridge}" ip6 saddr != {{ {subnet6}, fe80::/10 }} drop\n' if subnet6 else ""
    return (
        "    chain sources {\n"
        "        type filter hook prerouting priority raw; policy accept;\n"
        f'        iifname "{bridge}" ip saddr != {subnet} drop\n'
        f'        iifname "{bridge}" ip daddr 127.0.0.0/8 drop\n'
        f"{rule6}"
        "    }\n"
    )


def _leading_to_pods() -> str:
    # 127.0.0.0/8 from outside is dropped by the kernel where it looks for the route, which is after prerouting: led to
    # a pod there, it would get in. The host's own packets to it go through output. dstnat is -100.
    return (
        "    chain to_pods {\n"
        f"        dnat ip to ip daddr . meta l4proto . th dport map @{host_ports.AT_ONE}\n"
        f"        dnat ip to meta l4proto . th dport map @{host_ports.EVERYWHERE}\n"
        "    }\n"
        "    chain prerouting {\n"
        "        type nat hook prerouting priority dstnat; policy accept;\n"
        "        ip daddr != 127.0.0.0/8 fib daddr type local jump to_pods\n"
        "    }\n"
        "    chain output {\n"
        "        type nat hook output priority -100; policy accept;\n"
        "        fib daddr type local jump to_pods\n"
        "    }\n"
    )


def _kept_from_pods(bridge: str) -> str:
    # What goes from port to port is kept apart by the bridge itself; this is what a pod sends to the gateway's hardware
    # address for another pod. The way through a host port stays open, as it is for everybody.
    return (
        "    chain forward {\n"
        "        type filter hook forward priority filter; policy accept;\n"
        f'        iifname "{bridge}" oifname "{bridge}" ct status & dnat == 0 drop\n'
        "    }\n"
    )


def _kept_from_host(bridge: str) -> str:
    # Answers to probes and to whoever asks a pod from the host get in, and so do IPv6's neighbours.
    return (
        "    chain input {\n"
        "        type filter hook input priority filter; policy accept;\n"
        f'        iifname "{bridge}" ct state established,related accept\n'
        f'        iifname "{bridge}" icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept\n'
        f'        iifname "{bridge}" drop\n'
        "    }\n"
    )


def _masquerading(bridge: str, subnet: IPv4Network, subnet6: IPv6Network | None, *, world: bool) -> str:
    # `fully-random`: two pods that choose the same source port at once would else collide, and lose a packet.
    leaves = f'oifname != "{bridge}"'
    outwards = f"        ip saddr {subnet} {leaves} ip daddr != 224.0.0.0/4 masquerade fully-random\n"
    outwards6 = f"        ip6 saddr {subnet6} {leaves} ip6 daddr != ff00::/8 masquerade fully-random\n"
    # A pod that answers another pod, itself or 127.0.0.1 would do it without the host, which has to turn the
    # addresses back: it is asked by the gateway instead.
    to_pods = (
        f'        ip saddr {{ 127.0.0.0/8, {subnet} }} oifname "{bridge}" ct status dnat masquerade fully-random\n'
    )
    return (
        "    chain postrouting {\n"
        "        type nat hook postrouting priority srcnat; policy accept;\n"
        f"{outwards if world else ''}"
        f"{outwards6 if subnet6 else ''}"
        f"{to_pods}"
        "    }\n"
    )


def removal(table: str) -> str:
    """One transaction that removes the table; it must be there."""
    return f"delete table inet {table}\n"


def is_ours(listing: str) -> bool:
    """Whether a listing of the table (`list table inet NAME`) shows that hostpod made it."""
    return f'comment "{OWNER_COMMENT}"' in listing
