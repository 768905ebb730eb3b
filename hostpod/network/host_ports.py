"""Ports of the host that lead to pods, as elements of two nftables maps. Pure.

Maps, and no rule a pod: a packet is looked up, however many pods there are, and a pod that comes or goes is one
transaction of its own ports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from hostpod.network.errors import NetworkError

# What leads to a pod on every address of the host, and on one alone.
_MAPS = EVERYWHERE, AT_ONE = "host_ports", "host_ports_at"

# The numbers that IP has for protocols; nft prints their names.
PROTOCOL_NUMBERS: Mapping[str, int] = {"TCP": 6, "UDP": 17, "SCTP": 132}

_ELEMENT = re.compile(r"(?:([0-9.]+) \. )?(tcp|udp|sctp) \. (\d+) : ([0-9.]+) \. (\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedPort:
    """A port of the host, on one of its addresses or (None) on all, that leads to one of a pod's.

    `protocol` is TCP, UDP or SCTP.
    """

    protocol: str
    port: int
    pod_port: int
    address: IPv4Address | IPv6Address | None = None

    def __str__(self) -> str:
        return f"{self.protocol} {self.port}" + (f" of {self.address}" if self.address else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """A port of the host and the pod that it leads to: one element of a map."""

    port: PublishedPort
    pod: IPv4Address

    @property
    def key(self) -> str:
        at = f"{self.port.address} . " if self.port.address else ""
        return f"{at}{self.port.protocol.lower()} . {self.port.port}"

    @property
    def element(self) -> str:
        return f"{self.key} : {self.pod} . {self.port.pod_port}"


def ways_to(pod: IPv4Address, ports: Iterable[PublishedPort]) -> frozenset[Way]:
    """The elements of one pod; NetworkError for a port that cannot lead to it."""
    found = frozenset(Way(port=port, pod=pod) for port in ports)
    for way in found:
        if isinstance(way.port.address, IPv6Address):
            raise NetworkError(f"cannot lead port {way.port} to the pod: host ports are of IPv4 alone; remove hostIP")
    return found


def maps(ways: Iterable[Way]) -> str:
    """Both maps and what is in them, as a part of the table."""
    known = sorted(ways, key=lambda way: way.key)
    return _map(EVERYWHERE, "inet_proto . inet_service", known) + _map(
        AT_ONE, "ipv4_addr . inet_proto . inet_service", known
    )


def _map(name: str, key: str, ways: Iterable[Way]) -> str:
    elements = ", ".join(way.element for way in ways if _map_of(way) == name)
    return (
        f"    map {name} {{\n"
        f"        type {key} : ipv4_addr . inet_service\n"
        + (f"        elements = {{ {elements} }}\n" if elements else "")
        + "    }\n"
    )


def change(table: str, *, gone: Iterable[Way], new: Iterable[Way]) -> str:
    """One transaction that takes ways out of the maps, where they must be, and puts others in."""
    going, coming = tuple(gone), tuple(new)
    commands = [_command("delete", table, name, [way.key for way in going if _map_of(way) == name]) for name in _MAPS]
    commands += [
        _command("add", table, name, [way.element for way in coming if _map_of(way) == name]) for name in _MAPS
    ]
    return "".join(commands)


def _command(verb: str, table: str, name: str, elements: list[str]) -> str:
    return f"{verb} element inet {table} {name} {{ {', '.join(sorted(elements))} }}\n" if elements else ""


def _map_of(way: Way) -> str:
    return AT_ONE if way.port.address else EVERYWHERE


def ways_in(listing: str) -> frozenset[Way]:
    """What a listing of the table (`list table inet NAME`) has in its maps."""
    return frozenset(
        Way(
            port=PublishedPort(
                protocol=protocol.upper(),
                port=int(port),
                pod_port=int(pod_port),
                address=IPv4Address(at) if at else None,
            ),
            pod=IPv4Address(pod),
        )
        for at, protocol, port, pod, pod_port in _ELEMENT.findall(listing)
    )
