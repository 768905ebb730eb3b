"""The pods' links. Blocking: call it in a thread; a removal takes tens of milliseconds of the kernel's time."""

from __future__ import annotations

import errno
import os
import socket
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

from hostpod.host.namespaces import NamespaceError, inside
from hostpod.network import messages
from hostpod.network.address import PodSubnet, host_end_mac, is_host_link, pod_mac
from hostpod.network.errors import NetlinkError, NetworkError
from hostpod.network.leases import Lease
from hostpod.network.netlink import Netlink
from hostpod.network.sysctl import turn_off_ipv6, turn_on_ipv6


class PodLinks:
    """The links of one instance, told from others by the beginning of their names."""

    def __init__(self, *, prefix: str, bridge: str, bridge_index: int, subnet: PodSubnet) -> None:
        self._prefix = prefix
        self._link = messages.pod_link_template(name_length=len(prefix) + 10, bridge_index=bridge_index)
        self._setup = messages.pod_setup_template(subnet.bridge_addresses[:1])
        self._setup6 = messages.pod_setup_template(subnet.bridge_addresses)
        # Links to be removed are gathered in a group of the kernel's: a number that nobody chooses by hand.
        self._doomed = 0x40000000 | zlib.crc32(bridge.encode()) >> 2

    def join(self, name: str, netns: Path, lease: Lease, mtu: int) -> None:
        """Join a namespace to the bridge: a link with its host end `name`, the addresses, loopback, the ways out.

        A link of that name, left by a daemon that was killed, is replaced.
        """
        try:
            pod = inside(netns, _enter6 if lease.ip6 else _enter)
        except NamespaceError as error:
            raise NetworkError(str(error)) from error
        with pod:
            self._make(name, netns, lease.ip, mtu)
            index = pod.link_index(messages.POD_LINK)
            if index is None:
                raise NetworkError(f"cannot find the pod's link {messages.POD_LINK} in {netns}")
            values = {"index": messages.number(index), "address": lease.ip.packed}
            if lease.ip6 is None:
                pod.change(self._setup.fill(values), what=messages.POD_SETUP_STEPS)
            else:
                values["address6"] = lease.ip6.packed
                pod.change(self._setup6.fill(values), what=messages.POD_SETUP_STEPS6)

    def _make(self, name: str, netns: Path, address: IPv4Address, mtu: int) -> None:
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

    def remove(self, names: Iterable[str]) -> None:
        """Remove links by their host ends; those that are gone are no error.

        They go together: the kernel waits once for all processors to let go of what is removed, 30 ms for one link and
        for fifty.
        """
        with Netlink() as host:
            doomed = False
            for name in names:
                with _gone_is_fine():
                    host.change(messages.move_to_group(name, self._doomed), what=(f"remove link {name}",))
                    doomed = True
            if doomed:
                with _gone_is_fine():
                    host.change(messages.delete_group(self._doomed), what=("remove links",))

    def names(self) -> frozenset[str]:
        """Host ends that are there."""
        return frozenset(name for _, name in socket.if_nameindex() if is_host_link(self._prefix, name))


def _enter() -> Netlink:
    # In a thread that has joined the pod's namespace. The pod's link, made later, follows the default.
    turn_off_ipv6("default")
    return Netlink()


def _enter6() -> Netlink:
    turn_on_ipv6("default")
    return Netlink()


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        if error.number != errno.ENODEV:
            raise
