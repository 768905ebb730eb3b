"""The pods' links. Blocking: call it in a thread; a removal takes tens of milliseconds of the kernel's time."""

from __future__ import annotations

import errno
import os
import socket
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

from hostpod.host.namespaces import NamespaceError, inside
from hostpod.network import messages
from hostpod.network.address import PodSubnet, host_end_mac, is_host_link, pod_mac
from hostpod.network.bandwidth import UNLIMITED, Bandwidth, limit
from hostpod.network.errors import NetlinkError, NetworkError
from hostpod.network.leases import Lease
from hostpod.network.netlink import Netlink
from hostpod.network.sysctl import turn_off_ipv6, turn_on_ipv6


class PodLinks:
    """The links of one instance, told from others by the beginning of their names."""

    def __init__(
        self, *, prefix: str, bridge: str, bridge_index: int, subnet: PodSubnet, isolated: bool = False
    ) -> None:
        self._prefix = prefix
        self._isolated = isolated
        self._link = messages.pod_link_template(name_length=len(prefix) + 10, bridge_index=bridge_index)
        self._setup = messages.pod_setup_template(subnet.bridge_addresses[:1])
        self._setup6 = messages.pod_setup_template(subnet.bridge_addresses)
        # Links to be removed are gathered in a group of the kernel's: a number that nobody chooses by hand.
        self._doomed = 0x40000000 | zlib.crc32(bridge.encode()) >> 2

    def join(
        self,
        name: str,
        netns: Path,
        lease: Lease,
        mtu: int,
        *,
        hairpin: bool = False,
        bandwidth: Bandwidth = UNLIMITED,
    ) -> None:
        """Join a namespace to the bridge: a link with its host end `name`, the addresses, loopback, the ways out.

        A link of that name, left by a daemon that was killed, is replaced. `hairpin` is for a pod that asks itself
        through a port of the host: where br_netfilter is on, the packet is turned round in the bridge.
        """
        with _entered(netns, _enter6 if lease.ip6 else _enter) as pod:
            self._make(name, netns, lease.ip, mtu, hairpin=hairpin)
            index = pod.link_index(messages.POD_LINK)
            if index is None:
                raise NetworkError(f"cannot find the pod's link {messages.POD_LINK} in {netns}")
            values = {"index": messages.number(index), "address": lease.ip.packed}
            if lease.ip6 is None:
                pod.change(self._setup.fill(values), what=messages.POD_SETUP_STEPS)
            else:
                values["address6"] = lease.ip6.packed
                pod.change(self._setup6.fill(values), what=messages.POD_SETUP_STEPS6)
        if bandwidth != UNLIMITED:
            self.limit(name, netns, bandwidth)

    def _make(self, name: str, netns: Path, address: IPv4Address, mtu: int, *, hairpin: bool) -> None:
        descriptor = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
        try:
            message = self._link.fill(
                {
                    "name": name.encode(),
                    "host_mac": host_end_mac(address),
                    "pod_mac": pod_mac(address),
                    "mtu": messages.number(mtu),
                    "netns": messages.number(descriptor),
                }
            )
            with Netlink() as host:
                self._send(host, name, message)
                if hairpin or self._isolated:
                    port = messages.bridge_port(name, hairpin=hairpin, isolated=self._isolated)
                    host.change(port, what=(f"set up the bridge's port {name}",))
        finally:
            os.close(descriptor)

    def _send(self, host: Netlink, name: str, message: bytes) -> None:
        what = (f"make link {name} of the pod",)
        try:
            host.change(message, what=what)
        except NetlinkError as error:
            if error.number != errno.EEXIST:
                raise
            self.remove((name,))
            host.change(message, what=what)

    def limit(self, name: str, netns: Path, bandwidth: Bandwidth) -> None:
        """Limit what comes to a pod at the host's end of its link, and what it sends at its own end."""
        with Netlink() as host:
            _limit(host, name, bandwidth.ingress_bits_per_s, what="comes to the pod")
        with _entered(netns, Netlink) as pod:
            _limit(pod, messages.POD_LINK, bandwidth.egress_bits_per_s, what="the pod sends")

    def isolate(self) -> None:
        """Have the pods of an earlier daemon kept from one another, or not, as those to come."""
        with Netlink() as host:
            for name in self.names():
                with _fine(errno.ENODEV, errno.EOPNOTSUPP):  # on no bridge it is no port, and leads nowhere
                    message = messages.isolated_port(name, isolated=self._isolated)
                    host.change(message, what=(f"set up the bridge's port {name}",))

    def remove(self, names: Iterable[str]) -> None:
        """Remove links by their host ends; those that are gone are no error.

        They go together: the kernel waits once for all processors to let go of what is removed, 30 ms for one link and
        for fifty.
        """
        with Netlink() as host:
            doomed = False
            for name in names:
                with _fine(errno.ENODEV):
                    host.change(messages.move_to_group(name, self._doomed), what=(f"remove link {name}",))
                    doomed = True
            if doomed:
                with _fine(errno.ENODEV):
                    host.change(messages.delete_group(self._doomed), what=("remove links",))

    def names(self) -> frozenset[str]:
        """Host ends that are there."""
        return frozenset(name for _, name in socket.if_nameindex() if is_host_link(self._prefix, name))


def _entered(netns: Path, function: Callable[[], Netlink]) -> Netlink:
    try:
        return inside(netns, function)
    except NamespaceError as error:
        raise NetworkError(str(error)) from error


def _limit(netlink: Netlink, link: str, bits_per_s: int | None, *, what: str) -> None:
    index = netlink.link_index(link)
    if index is None:
        raise NetworkError(f"cannot limit what {what}: link {link} is not there")
    nothing_to_lift = (errno.ENOENT, errno.EINVAL) if bits_per_s is None else ()
    with _fine(*nothing_to_lift):
        netlink.change(limit(index, bits_per_s), what=(f"limit what {what}",))


def _enter() -> Netlink:
    # In a thread that has joined the pod's namespace. The pod's link, made later, follows the default.
    turn_off_ipv6("default")
    return Netlink()


def _enter6() -> Netlink:
    turn_on_ipv6("default")
    return Netlink()


@contextmanager
def _fine(*numbers: int) -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        if error.number not in numbers:
            raise
