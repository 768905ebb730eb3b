"""Connections that the kernel tracks: questions and answers, and which of them a pod leaves behind. Pure.

A connection keeps the way that its first packet found for as long as packets come. A client that never stops sending
(a name server's, a logger's) would so go on to the address of a pod that is gone, or to the host, which refuses it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from pyroute2.netlink.nfnetlink.nfctsocket import (
    FILTER_FLAG_CTA_PROTO_DST_PORT,
    FILTER_FLAG_CTA_PROTO_NUM,
    nfct_msg,
)

from hostpod.network.address import IPAddress
from hostpod.network.host_ports import PROTOCOL_NUMBERS, PublishedPort, Way

NETFILTER = 12  # the protocol that netlink speaks of connections in

_CONNTRACK = 1 << 8  # the subsystem of nfnetlink
_GET, _DELETE = _CONNTRACK | 1, _CONNTRACK | 2
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
# A dump has then only what is like the question's own tuple in these (from kernel 5.8 on; before it, everything).
_LIKE = FILTER_FLAG_CTA_PROTO_NUM | FILTER_FLAG_CTA_PROTO_DST_PORT


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuple:
    """One direction of a connection."""

    protocol: int
    source: IPv4Address
    source_port: int
    target: IPv4Address
    target_port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """As it was asked for, and as answers come. `answers.source` is who really has it."""

    asked: Tuple
    answers: Tuple


def connections_to(port: PublishedPort) -> bytes:
    """Ask for all connections whose first packet went to this port, of whomever."""
    proto = {"attrs": [("CTA_PROTO_NUM", PROTOCOL_NUMBERS[port.protocol]), ("CTA_PROTO_DST_PORT", port.port)]}
    attrs = [
        ("CTA_TUPLE_ORIG", {"attrs": [("CTA_TUPLE_PROTO", proto)]}),
        ("CTA_FILTER", {"attrs": [("CTA_FILTER_ORIG_FLAGS", _LIKE), ("CTA_FILTER_REPLY_FLAGS", 0)]}),
    ]
    return _request(_GET, _REQUEST | _DUMP, attrs)


def forget(connection: Connection) -> bytes:
    """Let the next packet of a connection be the first of a new one."""
    asked = connection.asked
    proto = [
        ("CTA_PROTO_NUM", asked.protocol),
        ("CTA_PROTO_SRC_PORT", asked.source_port),
        ("CTA_PROTO_DST_PORT", asked.target_port),
    ]
    ip = [("CTA_IP_V4_SRC", str(asked.source)), ("CTA_IP_V4_DST", str(asked.target))]
    attrs = [("CTA_TUPLE_ORIG", {"attrs": [("CTA_TUPLE_IP", {"attrs": ip}), ("CTA_TUPLE_PROTO", {"attrs": proto})]})]
    return _request(_DELETE, _REQUEST | _ACK, attrs)


def _request(code: int, asked: int, attrs: Sequence[tuple[str, Any]]) -> bytes:
    message = nfct_msg()
    message["header"].update(type=code, flags=asked, sequence_number=1)
    message["nfgen_family"] = socket.AF_INET
    message["attrs"] = list(attrs)
    message.encode()
    return bytes(message.data)


def connection(answer: bytes) -> Connection | None:
    """An answer about a connection; None for one of a protocol without ports."""
    message = nfct_msg(answer)
    message.decode()
    asked, answers = (_tuple(message.get_attr(name)) for name in ("CTA_TUPLE_ORIG", "CTA_TUPLE_REPLY"))
    return Connection(asked=asked, answers=answers) if asked and answers else None


def _tuple(told: Any) -> Tuple | None:
    ip, proto = told.get_attr("CTA_TUPLE_IP"), told.get_attr("CTA_TUPLE_PROTO")
    source, target = ip.get_attr("CTA_IP_V4_SRC"), ip.get_attr("CTA_IP_V4_DST")
    ports = proto.get_attr("CTA_PROTO_SRC_PORT"), proto.get_attr("CTA_PROTO_DST_PORT")
    if source is None or None in ports:
        return None
    return Tuple(
        protocol=proto.get_attr("CTA_PROTO_NUM"),
        source=IPv4Address(source),
        source_port=ports[0],
        target=IPv4Address(target),
        target_port=ports[1],
    )


def left_by(way: Way) -> Callable[[Connection], bool]:
    """Whether a connection was led by a way that is gone now."""
    return lambda each: _is_to(each, way.port) and each.answers.source == way.pod


def in_front_of(way: Way, own: Set[IPAddress]) -> Callable[[Connection], bool]:
    """Whether a connection began before there was this way, and goes elsewhere. `own` are the host's addresses."""

    def goes_elsewhere(each: Connection) -> bool:
        is_for_host = each.asked.target in own or each.asked.target.is_loopback
        return _is_to(each, way.port) and is_for_host and each.answers.source != way.pod

    return goes_elsewhere


def _is_to(each: Connection, port: PublishedPort) -> bool:
    asked = each.asked
    is_port = (asked.protocol, asked.target_port) == (PROTOCOL_NUMBERS[port.protocol], port.port)
    return is_port and port.address in (None, asked.target)
