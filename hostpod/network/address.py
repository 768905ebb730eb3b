"""Which address, hardware address and link name a pod gets. Pure.

Hardware addresses follow from the IPv4 address, so that an address which comes back with another pod is still right in
the neighbour tables of the others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

# Two octets each with the bit "locally administered"; the IPv4 address fills the rest.
_POD_MAC = b"\x0a\x58"
_HOST_END_MAC = b"\x0a\x68"
BRIDGE_MAC = b"\x0e\x70"


@dataclass(frozen=True, kw_only=True, slots=True)
class PodSubnet:
    """The pods' IPv4 subnet: its first address is the bridge's, the last is broadcast, all others are for pods."""

    network: IPv4Network

    @classmethod
    def parse(cls, text: str) -> PodSubnet:
        """A subnet as settings write it; ValueError when it has host bits or no room for a pod."""
        network = IPv4Network(text)
        if network.num_addresses < 4:
            raise ValueError(f"subnet {text} has no room for a pod")
        return cls(network=network)

    @property
    def gateway(self) -> IPv4Address:
        return self.network[1]

    @property
    def prefix_len(self) -> int:
        return self.network.prefixlen

    @property
    def capacity(self) -> int:
        """How many pods find an address."""
        return self.network.num_addresses - 3

    def is_for_pods(self, address: IPv4Address) -> bool:
        """Whether the address is one that `next_free` may hand out."""
        return self.network[1] < address < self.network[-1]

    def next_free(self, taken: Container[IPv4Address], after: IPv4Address | None) -> IPv4Address | None:
        """The first free address behind `after`, around the end; None when all are taken.

        Going round keeps an address that was just freed at rest for as long as possible.
        """
        first = int(self.network[2])
        start = int(after) + 1 - first if after is not None and self.is_for_pods(after) else 0
        for step in range(self.capacity):
            address = IPv4Address(first + (start + step) % self.capacity)
            if address not in taken:
                return address
        return None


def pod_mac(address: IPv4Address) -> bytes:
    """The hardware address of a pod's eth0."""
    return _POD_MAC + address.packed


def host_end_mac(address: IPv4Address) -> bytes:
    """The hardware address of the host's end of a pod's link: set by us, or udev would think of one."""
    return _HOST_END_MAC + address.packed


def bridge_mac(gateway: IPv4Address) -> bytes:
    """The bridge's own hardware address: without one it takes that of a port, and changes as pods come and go."""
    return BRIDGE_MAC + gateway.packed


def mac_text(mac: bytes) -> str:
    """Six octets as people write them."""
    return mac.hex(":")


def host_link(prefix: str, uid: str) -> str:
    """The name of the host's end of a pod's link: the prefix and ten hexadecimal digits, at most 15 letters."""
    return prefix + hashlib.sha256(uid.encode()).hexdigest()[:10]


def is_host_link(prefix: str, name: str) -> bool:
    """Whether `host_link` can have made the name with this prefix."""
    return re.fullmatch(rf"{re.escape(prefix)}[0-9a-f]{{10}}", name) is not None
