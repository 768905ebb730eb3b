"""Messages are read back with pyroute2's decoder; what the kernel makes of them is in the integration tests."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest
from pyroute2.netlink.nfnetlink.nfctsocket import nfct_msg

from hostpod.network import connections
from hostpod.network.connections import Connection, Tuple
from hostpod.network.host_ports import PublishedPort, Way

HOST, CLIENT, POD, OTHER = map(IPv4Address, ("198.51.100.2", "198.51.100.1", "10.85.0.2", "8.8.8.8"))
PORT = PublishedPort(protocol="UDP", port=53, pod_port=5353)
WAY = Way(port=PORT, pod=POD)


def flow(*, target: IPv4Address = HOST, answers: IPv4Address = POD, port: int = 53, protocol: int = 17) -> Connection:
    return Connection(
        asked=Tuple(protocol=protocol, source=CLIENT, source_port=4000, target=target, target_port=port),
        answers=Tuple(protocol=protocol, source=answers, source_port=5353, target=CLIENT, target_port=4000),
    )


def read(message: bytes) -> Any:
    decoded = nfct_msg(message)
    decoded.decode()
    return decoded


def test_only_connections_to_the_port_are_asked_for() -> None:
    message = read(connections.connections_to(PORT))
    assert (message["header"]["type"], message["header"]["flags"]) == (0x101, 0x301)
    proto = message.get_attr("CTA_TUPLE_ORIG").get_attr("CTA_TUPLE_PROTO")
    assert (proto.get_attr("CTA_PROTO_NUM"), proto.get_attr("CTA_PROTO_DST_PORT")) == (17, 53)
    assert message.get_attr("CTA_FILTER").get_attr("CTA_FILTER_ORIG_FLAGS") == 1 << 3 | 1 << 5


def test_a_connection_is_forgotten_by_what_it_asked() -> None:
    message = connections.forget(flow())
    assert (read(message)["header"]["type"], read(message)["header"]["flags"]) == (0x102, 0x5)
    asked = read(message).get_attr("CTA_TUPLE_ORIG")
    assert asked.get_attr("CTA_TUPLE_IP").get_attr("CTA_IP_V4_DST") == str(HOST)
    assert asked.get_attr("CTA_TUPLE_PROTO").get_attr("CTA_PROTO_SRC_PORT") == 4000


def told(ports: list[tuple[str, int]]) -> bytes:
    """An answer about a connection of this client to the host, which the pod answers."""

    def direction(source: IPv4Address, target: IPv4Address) -> dict[str, Any]:
        ip = {"attrs": [("CTA_IP_V4_SRC", str(source)), ("CTA_IP_V4_DST", str(target))]}
        proto = {"attrs": [("CTA_PROTO_NUM", 17), *ports]}
        return {"attrs": [("CTA_TUPLE_IP", ip), ("CTA_TUPLE_PROTO", proto)]}

    message = nfct_msg()
    message["attrs"] = [("CTA_TUPLE_ORIG", direction(CLIENT, HOST)), ("CTA_TUPLE_REPLY", direction(POD, CLIENT))]
    message.encode()
    return bytes(message.data)


def test_answers_become_values() -> None:
    answer = connections.connection(told([("CTA_PROTO_SRC_PORT", 4000), ("CTA_PROTO_DST_PORT", 53)]))
    assert answer is not None
    assert answer.asked == flow().asked
    assert answer.answers.source == POD


def test_a_ping_is_no_connection_to_a_port() -> None:
    assert connections.connection(told([("CTA_PROTO_ICMP_ID", 7)])) is None


@pytest.mark.parametrize(
    ("each", "left", "in_front"),
    [
        (flow(), True, False),
        (flow(answers=HOST), False, True),  # to the host itself, before there was a pod
        (flow(answers=IPv4Address("10.85.0.9")), False, True),  # to a pod that is gone
        (flow(target=OTHER, answers=OTHER), False, False),  # through the host, to somebody else's port
        (flow(port=54), False, False),
        (flow(protocol=6), False, False),
        (flow(target=IPv4Address("127.0.0.3"), answers=HOST), False, True),
    ],
)
def test_what_a_pod_leaves_and_what_is_in_front_of_one(each: Connection, *, left: bool, in_front: bool) -> None:
    assert connections.left_by(WAY)(each) == left
    assert connections.in_front_of(WAY, frozenset({HOST}))(each) == in_front


def test_a_port_of_one_address_has_no_connections_to_another() -> None:
    at_one = Way(port=PublishedPort(protocol="UDP", port=53, pod_port=53, address=OTHER), pod=POD)
    assert not connections.left_by(at_one)(flow())
    assert connections.left_by(at_one)(flow(target=OTHER))
