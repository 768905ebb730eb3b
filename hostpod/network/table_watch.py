"""Whether somebody takes from hostpod's nftables table, as `nft flush ruleset` does. Nothing is polled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pyroute2.netlink.nfnetlink import nfgen_msg

from hostpod.network.connections import NETFILTER
from hostpod.network.netlink import Netlink

_GROUP = 7  # NFNLGRP_NFTABLES
_NFTABLES = 10 << 8  # the subsystem of nfnetlink
_DELETIONS = frozenset(_NFTABLES | code for code in (2, 5, 8))  # of a table, a chain, a rule
_INET = 1
# A firewall that loads its rules is given the time to do it, and one that never ends does not keep hostpod busy.
_SETTLE_S = 0.1


class _Deletion(nfgen_msg):  # type: ignore[misc]  # pyroute2 has no types
    prefix = "NFTA_"
    nla_map = (("NFTA_UNSPEC", "none"), ("NFTA_TABLE", "asciiz"))


def takes_from(message: bytes, table: str) -> bool:
    """Whether a message tells that something of this table of family inet, or all of it, is gone."""
    told = _Deletion(message)
    told.decode()
    if told["header"]["type"] not in _DELETIONS or told["nfgen_family"] != _INET:
        return False
    return bool(told.get_attr("NFTA_TABLE") == table)


class TableWatch:
    """Calls `taken` when something is taken from a table, by hostpod itself as well. It belongs to one event loop."""

    def __init__(self, table: str, taken: Callable[[], None]) -> None:
        self._table = table
        self._taken = taken
        self._news = Netlink(groups=[_GROUP], protocol=NETFILTER)
        self._loop = asyncio.get_running_loop()
        self._settling: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._news.fileno(), self._told)

    def _told(self) -> None:
        self._loop.remove_reader(self._news.fileno())
        self._settling = self._loop.call_later(_SETTLE_S, self._look)

    def _look(self) -> None:
        self._settling = None
        self._loop.add_reader(self._news.fileno(), self._told)
        news = self._news.news()
        if news is None or any(takes_from(message, self._table) for message in news):
            self._taken()

    def close(self) -> None:
        self._loop.remove_reader(self._news.fileno())
        if self._settling:
            self._settling.cancel()
        self._news.close()
