"""The pod network: what the engine asks for. Joins leases, links, forwarding and the firewall."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from hostpod.config import NetworkConfig
from hostpod.network import sysctl
from hostpod.network.address import PodSubnet, host_link, mac_text, pod_mac
from hostpod.network.bridge import bridges_of_hostpod, link_exists, open_bridge, remove_bridge
from hostpod.network.firewall import ruleset
from hostpod.network.leases import Leases
from hostpod.network.netlink import Netlink
from hostpod.network.own_table import remove_table, replace_table
from hostpod.network.pod_links import PodLinks
from hostpod.network.threads import Gathered, in_thread
from hostpod.network.uplink import UplinkWatch

# What ip_forward was before the first start, beside the leases: a reboot forgets both.
FORWARDING_NOTE = "ip_forward.before"

NO_LINK = 0  # the kernel numbers links from 1

# The kernel makes links one at a time; the second thread prepares the next one meanwhile.
_THREADS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A pod's place in the network. `host_link` is the host's end of its link."""

    ip: str
    prefix_len: int
    gateway: str
    mac: str
    mtu: int
    host_link: str


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
        self._subnet = PodSubnet.parse(config.subnet)
        self._forwarding_note = leases / FORWARDING_NOTE
        self._leases = Leases(leases, self._subnet)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="network")
        self._opened: _Opened | None = None

    async def open(self, *, sets_up: bool = True) -> None:
        """Bridge, address, forwarding and firewall as they should be, whatever an earlier start left of them.

        NetworkError when the host does not allow it, such as a subnet that is in use. Who comes to take all of it away
        needs none of it: without `sets_up` nothing is made, and no pod can be joined.
        """
        self._leases.open()
        on_new_bridge = not link_exists(self._config.bridge)
        bridge_index = await in_thread(self._threads, self._set_up) if sets_up else NO_LINK
        pods = PodLinks(
            prefix=self._config.link_prefix,
            bridge=self._config.bridge,
            bridge_index=bridge_index,
            subnet=self._subnet,
        )
        self._opened = _Opened(
            pods=pods,
            remove_links=Gathered(pods.remove),
            uplink=UplinkWatch(bridge_index=bridge_index),
            on_new_bridge=on_new_bridge,
        )

    def _set_up(self) -> int:
        with Netlink() as netlink:
            bridge_index = open_bridge(netlink, self._config.bridge, self._subnet)
        sysctl.enable_forwarding(self._forwarding_note)
        rules = ruleset(
            table=self._config.table,
            bridge=self._config.bridge,
            subnet=self._subnet.network,
            masquerade=self._config.masquerade,
        )
        replace_table(self._config.table, rules)
        return bridge_index

    @property
    def _now(self) -> _Opened:
        assert self._opened, "open() comes first"
        return self._opened

    def find(self, uid: str) -> Attachment | None:
        """The pod's place by its lease: the kernel is not asked. `mtu` is what a pod joined now would get."""
        address = self._leases.find(uid)
        return self._attachment(uid, address) if address else None

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
        return self._now.uplink.address

    async def attach(self, uid: str, netns: Path) -> Attachment:
        """Join a pod's network namespace to the bridge, with the address that it has or a new one.

        A link of an earlier try is replaced. When it cannot be done, or is cancelled, no link is left.
        """
        pods, address = self._now.pods, self._leases.acquire(uid)
        place = self._attachment(uid, address)
        try:
            await in_thread(self._threads, lambda: pods.join(place.host_link, netns, address, place.mtu))
        except BaseException:
            await self._now.remove_links((place.host_link,))
            raise
        return place

    async def detach(self, uid: str) -> None:
        """Remove the pod's link, then give its address back; nothing when it has neither."""
        await self._now.remove_links((host_link(self._config.link_prefix, uid),))
        self._leases.release(uid)

    async def forget_except(self, uids: Collection[str]) -> None:
        """Remove links and leases of all pods but these."""
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
                await in_thread(self._threads, self._take_down)
        finally:
            if self._opened:
                self._opened.uplink.close()
                self._opened.remove_links.close()
            self._threads.shutdown()

    def _take_down(self) -> None:
        try:
            with Netlink() as netlink:
                remove_bridge(netlink, self._config.bridge)
                # Another instance needs forwarding as much as this one did.
                if not bridges_of_hostpod(netlink):
                    sysctl.restore_forwarding(self._forwarding_note)
        finally:
            remove_table(self._config.table)

    def _attachment(self, uid: str, address: IPv4Address) -> Attachment:
        return Attachment(
            ip=str(address),
            prefix_len=self._subnet.prefix_len,
            gateway=str(self._subnet.gateway),
            mac=mac_text(pod_mac(address)),
            mtu=self._config.mtu or self._now.uplink.mtu,
            host_link=host_link(self._config.link_prefix, uid),
        )
