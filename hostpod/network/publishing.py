"""The ports of the host that lead to pods, as they come and go."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address

from hostpod.config import NetworkConfig
from hostpod.network import answers, connections, messages
from hostpod.network.address import IPAddress
from hostpod.network.connections import Connection
from hostpod.network.errors import NetlinkError, NetworkError
from hostpod.network.firewall import ruleset
from hostpod.network.host_ports import PublishedPort, Way, ways_to
from hostpod.network.netlink import Netlink
from hostpod.network.own_table import OwnTable
from hostpod.network.table_watch import TableWatch
from hostpod.network.threads import in_thread

log = logging.getLogger(__name__)


class Publishing:
    """One instance's table, changed by one thread of its own. `open` is the first call."""

    def __init__(self, config: NetworkConfig) -> None:
        self._table = OwnTable(config.table, partial(ruleset, config))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network-ports")
        self._watch: TableWatch | None = None

    def watch(self) -> None:
        """From now on write the table again when somebody takes from it: before `open`, so that no news is lost."""
        self._watch = TableWatch(self._table.name, self._mend_soon)

    def _mend_soon(self) -> None:
        future = asyncio.get_running_loop().run_in_executor(self._thread, self._mend)
        future.add_done_callback(lambda done: done.result())  # what nobody foresaw is told by the loop

    def _mend(self) -> None:
        try:
            if self._table.mend():
                log.warning("nftables table %s was changed from outside, and is written again", self._table.name)
        except NetworkError as error:
            log.warning("nftables table %s was changed from outside and stays so: %s", self._table.name, error)

    def open(self) -> None:
        """Write the table; ports that an earlier daemon has published stay. Blocking."""
        self._thread.submit(self._table.write).result()

    def look(self) -> None:
        """Only find out what an earlier daemon has published, where that can be found out. Blocking."""
        try:
            self._thread.submit(self._table.read).result()
        except NetworkError as error:
            log.warning("ports of the host that lead to pods may stay: %s", error)

    async def remove(self) -> None:
        """Remove the table, for good."""
        self._unwatch()
        await in_thread(self._thread, self._table.remove)

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    async def publish(self, pod: IPv4Address, ports: Iterable[PublishedPort]) -> None:
        """Lead these ports, and no others, to a pod. Those of another pod must have been withdrawn."""
        new = ways_to(pod, ports)
        await self._become(lambda way: way.pod != pod, new)

    async def withdraw(self, pods: Collection[IPv4Address]) -> None:
        """Lead no port to these pods any more."""
        await self._become(lambda way: way.pod not in pods, frozenset())

    async def keep(self, pods: Collection[IPv4Address]) -> None:
        """Lead no port to any pod but these."""
        await self._become(lambda way: way.pod in pods, frozenset())

    async def settle(self, pods: Mapping[IPv4Address, Iterable[PublishedPort]]) -> None:
        """Lead ports to these pods, and to no others."""
        await self._become(
            lambda _: False, frozenset(way for pod, ports in pods.items() for way in ways_to(pod, ports))
        )

    async def _become(self, stays: Callable[[Way], bool], new: frozenset[Way]) -> None:
        held = self._table.ways
        if new <= held and all(stays(way) for way in held - new):
            return
        await in_thread(self._thread, lambda: self._change(stays, new))

    def _change(self, stays: Callable[[Way], bool], wanted: frozenset[Way]) -> None:
        gone = frozenset(way for way in self._table.ways - wanted if not stays(way))
        new = wanted - self._table.ways
        self._table.change(gone=gone, new=new)
        try:
            _forget_connections(gone, new)
        except (NetlinkError, OSError) as error:
            log.warning("clients of a port that changed hands may have to wait: %s", error)

    def close(self) -> None:
        self._unwatch()
        self._thread.shutdown()


def _forget_connections(gone: Iterable[Way], new: Iterable[Way]) -> None:
    with Netlink(protocol=connections.NETFILTER) as netlink:
        for way in gone:
            _forget(netlink, way.port, connections.left_by(way))
        # A client of TCP begins with a port of its own each time, and no connection of an earlier one is in its way.
        datagrams = [way for way in new if way.port.protocol == "UDP"]
        own: Set[IPAddress] = _own_addresses() if datagrams else frozenset()
        for way in datagrams:
            _forget(netlink, way.port, connections.in_front_of(way, own))


def _own_addresses() -> frozenset[IPAddress]:
    with Netlink() as netlink:
        dumped = netlink.dump(messages.all_addresses(4), what="list addresses")
    return frozenset(answers.address(each).interface.ip for each in dumped)


def _forget(netlink: Netlink, port: PublishedPort, is_meant: Callable[[Connection], bool]) -> None:
    what = f"find the connections of port {port}"
    found = (connections.connection(each) for each in netlink.dump(connections.connections_to(port), what=what))
    for each in [each for each in found if each is not None and is_meant(each)]:
        try:
            netlink.change(connections.forget(each), what=(f"forget a connection of port {port}",))
        except NetlinkError as error:
            if error.number != errno.ENOENT:  # it has ended meanwhile
                raise
