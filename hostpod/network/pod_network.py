"""The pod network: what the engine asks for. Joins leases, links, forwarding and the firewall."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hostpod.config import LEAST_MTU6, NetworkConfig
from hostpod.network import sysctl
from hostpod.network.address import PodSubnet, host_link, mac_text, pod_mac
from hostpod.network.bandwidth import UNLIMITED, Bandwidth
from hostpod.network.bridge import bridges_of_hostpod, link_exists, open_bridge, remove_bridge
from hostpod.network.errors import NetworkError
from hostpod.network.firewall import FROM_PODS
from hostpod.network.host_ports import PublishedPort
from hostpod.network.leases import Lease, Leases
from hostpod.network.netlink import Netlink
from hostpod.network.pod_links import PodLinks
from hostpod.network.publishing import Publishing
from hostpod.network.threads import Gathered, in_thread
from hostpod.network.uplink import UplinkWatch

# What forwarding was before the first start, beside the leases: a reboot forgets both.
FORWARDING_NOTE = "ip_forward.before"
FORWARDING6_NOTE = "ipv6_forwarding.before"

NO_LINK = 0  # the kernel numbers links from 1

# The kernel makes links one at a time; the second thread prepares the next one meanwhile.
_THREADS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A pod's place in the network; `ip6` is None for IPv4 alone. `host_link` is the host's end of its link."""

    ip: str
    ip6: str | None = None
    prefix_len: int
    gateway: str
    mac: str
    mtu: int
    host_link: str

    @property
    def ips(self) -> tuple[str, ...]:
        """Its addresses, as in status.podIPs."""
        return (self.ip, self.ip6) if self.ip6 else (self.ip,)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Opened:
    pods: PodLinks
    remove_links: Gathered
    uplink: UplinkWatch
    on_new_bridge: bool


class PodNetwork:
    """One bridge, its subnet and the pods on it. All calls come from one event loop; `open` is the first."""

    def __init__(self, config: NetworkConfig, *, leases: Path) -> None:
        self._config = config
        self._subnet = PodSubnet.parse(config.subnet, config.subnet6)
        self._forwarding_note = leases / FORWARDING_NOTE
        self._forwarding6_note = leases / FORWARDING6_NOTE
        self._leases = Leases(leases, self._subnet)
        self._ports = Publishing(config)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="network")
        self._opened: _Opened | None = None

    async def open(self, *, sets_up: bool = True) -> None:
        """Bridge, address, forwarding and firewall as they should be, whatever an earlier start left of them.

        NetworkError when the host does not allow it, such as a subnet that is in use. Who comes to take all of it away
        needs none of it: without `sets_up` nothing is made, and no pod can be joined.
        """
        self._leases.open()
        on_new_bridge = not link_exists(self._config.bridge)
        if sets_up:
            self._ports.watch()
        bridge_index = await in_thread(self._threads, self._set_up if sets_up else self._look)
        pods = PodLinks(
            prefix=self._config.link_prefix,
            bridge=self._config.bridge,
            bridge_index=bridge_index,
            subnet=self._subnet,
            isolated=self._config.isolation in FROM_PODS,
        )
        if sets_up and not on_new_bridge:
            await in_thread(self._threads, pods.isolate)
        self._opened = _Opened(
            pods=pods,
            remove_links=Gathered(pods.remove),
            uplink=UplinkWatch(bridge_index=bridge_index, ipv6=self._subnet.network6 is not None and sysctl.has_ipv6()),
            on_new_bridge=on_new_bridge,
        )

    def _set_up(self) -> int:
        if self._subnet.network6 and not sysctl.has_ipv6():
            raise NetworkError(
                f"cannot use subnet {self._subnet.network6} for pods: this kernel has no IPv6; unset network.subnet6, "
                "or boot without ipv6.disable=1"
            )
        with Netlink() as netlink:
            bridge_index = open_bridge(netlink, self._config.bridge, self._subnet)
            others = set(bridges_of_hostpod(netlink)) - {self._config.bridge}
        sysctl.enable_forwarding(self._forwarding_note)
        if self._subnet.network6:
            sysctl.enable_forwarding6(self._forwarding6_note)
        elif not others:  # an earlier setting was another
            sysctl.restore_forwarding6(self._forwarding6_note)
        self._ports.open()
        sysctl.take_answers_to_localhost(self._config.bridge)
        return bridge_index

    def _look(self) -> int:
        self._ports.look()
        return NO_LINK

    @property
    def _now(self) -> _Opened:
        assert self._opened, "open() comes first"
        return self._opened

    def find(self, uid: str) -> Attachment | None:
        """The pod's place by its lease: the kernel is not asked. `mtu` is what a pod joined now would get."""
        lease = self._leases.find(uid)
        return self._attachment(uid, lease) if lease else None

    def joined(self) -> frozenset[str]:
        """Host ends of the pods' links that an earlier daemon has joined to the bridge: none when the bridge is new."""
        return frozenset() if self._now.on_new_bridge else self._now.pods.names()

    def reserve(self, uid: str) -> Attachment:
        """The place that `attach` will give the pod: its files can name the address before its link is there.

        The address is the pod's own from now on, over failed tries as well, until `detach`.
        """
        return self._attachment(uid, self._leases.acquire(uid))

    def uplink_address(self) -> str | None:
        """The address that others know this host by (status.hostIP); None where it has none but the bridge's."""
        return next(iter(self.uplink_addresses()), None)

    def uplink_addresses(self) -> tuple[str, ...]:
        """One of each family that pods have (status.hostIPs), as far as the host has them, IPv4 first."""
        return self._now.uplink.addresses

    async def attach(
        self, uid: str, netns: Path, ports: Collection[PublishedPort] = (), bandwidth: Bandwidth = UNLIMITED
    ) -> Attachment:
        """Join a pod's network namespace to the bridge, with the address that it has or a new one, and lead `ports` of
        the host to it.

        A link of an earlier try is replaced. When it cannot be done, or is cancelled, neither link nor port is left.
        """
        pods, lease = self._now.pods, self._leases.acquire(uid)
        place = self._attachment(uid, lease)
        if lease.ip6 and place.mtu < LEAST_MTU6:
            raise NetworkError(
                f"cannot give the pod the address {lease.ip6}: the uplink's MTU is {place.mtu}, and IPv6 needs "
                f"{LEAST_MTU6}; set network.mtu, or unset network.subnet6"
            )
        try:
            await in_thread(
                self._threads,
                lambda: pods.join(place.host_link, netns, lease, place.mtu, hairpin=bool(ports), bandwidth=bandwidth),
            )
            await self._ports.publish(lease.ip, ports)
        except BaseException:
            await self._now.remove_links((place.host_link,))
            await self._ports.withdraw((lease.ip,))
            raise
        return place

    async def limit(self, uid: str, netns: Path, bandwidth: Bandwidth) -> None:
        """Another bandwidth for a pod that is joined."""
        pods, name = self._now.pods, host_link(self._config.link_prefix, uid)
        await in_thread(self._threads, lambda: pods.limit(name, netns, bandwidth))

    async def publish(self, ports: Mapping[str, Iterable[PublishedPort]]) -> None:
        """Lead these ports to the pods of an earlier daemon, by their uids, and none to any other pod."""
        await self._ports.settle(
            {lease.ip: wanted for uid, wanted in ports.items() if (lease := self._leases.find(uid))}
        )

    async def detach(self, uid: str) -> None:
        """Lead no port to the pod, remove its link, then give its address back; nothing when it has none of them."""
        lease = self._leases.find(uid)
        if lease is not None:
            await self._ports.withdraw((lease.ip,))
        await self._now.remove_links((host_link(self._config.link_prefix, uid),))
        self._leases.release(uid)

    async def forget_except(self, uids: Collection[str]) -> None:
        """Remove ports, links and leases of all pods but these."""
        kept = {lease.ip for uid in uids if (lease := self._leases.find(uid))}
        await self._ports.keep(kept)
        known = {host_link(self._config.link_prefix, uid) for uid in uids}
        await self._now.remove_links(self._now.pods.names() - known)
        for uid in self._leases.uids() - set(uids):
            self._leases.release(uid)

    async def close(self, *, remove: bool) -> None:
        """Let go of the network: pods stay joined. With `remove` all of it is undone, pods' links included.

        NetworkError when something of it could not be removed; all else is.
        """
        try:
            if remove:
                await self.forget_except(())
                try:
                    await in_thread(self._threads, self._take_down)
                finally:
                    await self._ports.remove()
        finally:
            if self._opened:
                self._opened.uplink.close()
                self._opened.remove_links.close()
            self._ports.close()
            self._threads.shutdown()

    def _take_down(self) -> None:
        with Netlink() as netlink:
            remove_bridge(netlink, self._config.bridge)
            # Another instance needs forwarding as much as this one did.
            if not bridges_of_hostpod(netlink):
                sysctl.restore_forwarding(self._forwarding_note)
                sysctl.restore_forwarding6(self._forwarding6_note)

    def _attachment(self, uid: str, lease: Lease) -> Attachment:
        return Attachment(
            ip=str(lease.ip),
            ip6=str(lease.ip6) if lease.ip6 else None,
            prefix_len=self._subnet.prefix_len,
            gateway=str(self._subnet.gateway),
            mac=mac_text(pod_mac(lease.ip)),
            mtu=self._config.mtu or self._now.uplink.mtu,
            host_link=host_link(self._config.link_prefix, uid),
        )
