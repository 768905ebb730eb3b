"""Which address, hardware address and link name a pod gets. Pure.

Hardware addresses and IPv6 addresses follow from the IPv4 address, so that an address which comes back with another pod
is still right in the neighbour tables of the others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

IPAddress = IPv4Address | IPv6Address
IPInterface = IPv4Interface | IPv6Interface
IPNetwork = IPv4Network | IPv6Network

# Two octets each with the bit "locally administered"; the IPv4 address fills the rest.
_POD_MAC = b"\x0a\x58"
_HOST_END_MAC = b"\x0a\x68"
BRIDGE_MAC = b"\x0e\x70"


@dataclass(frozen=True, kw_only=True, slots=True)
class PodSubnet:
    """The pods' IPv4 subnet: its first address is the bridge's, the last is broadcast, all others are for pods.

    Beside it there may be an IPv6 subnet, in which every address of the first has its counterpart.
    """

    network: IPv4Network
    network6: IPv6Network | None = None

    @classmethod
    def parse(cls, text: str, text6: str | None = None) -> PodSubnet:
        """Subnets as settings write them; ValueError when one has host bits or no room for a pod."""
        network, network6 = IPv4Network(text), IPv6Network(text6) if text6 else None
        if network.num_addresses < 4:
            raise ValueError(f"subnet {text} has no room for a pod")
        if network6 is not None and network6.num_addresses < network.num_addresses:
            raise ValueError(f"subnet {text6} has fewer addresses than {text}")
        return cls(network=network, network6=network6)

    def __str__(self) -> str:
        return f"subnets {self.network} and {self.network6}" if self.network6 else f"subnet {self.network}"

    @property
    def gateway(self) -> IPv4Address:
        return self.network[1]

    @property
    def prefix_len(self) -> int:
        return self.network.prefixlen

    @property
    def bridge_addresses(self) -> tuple[IPInterface, ...]:
        """What the bridge has of each subnet."""
        address = IPv4Interface((self.gateway, self.prefix_len))
        gateway6 = self.beside(self.gateway)
        if self.network6 is None or gateway6 is None:
            return (address,)
        return address, IPv6Interface((gateway6, self.network6.prefixlen))

    def beside(self, address: IPv4Address) -> IPv6Address | None:
        """The IPv6 address of who has this IPv4 address: as far from the beginning of its subnet."""
        if self.network6 is None:
            return None
        return self.network6[int(address) - int(self.network.network_address)]

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
