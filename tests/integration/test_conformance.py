"""What Kubernetes' suite of node conformance asks and no other file shows; tests/conformance.py has all of it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from hostpod.host.namespaces import inside
from lab import client
from tests.integration.crash_kit import until
from tests.integration.fakehost import UPLINK_ADDRESS
from tests.integration.harness import EVERY_SECOND, FOREVER, Daemon, container, pod, statuses
from tests.integration.test_probe_kinds import messages, running
from tests.unit.engine.grpc_server import Health, healthy

pytestmark = pytest.mark.integration

QUICK_BACKOFF = {"backoff": {"initial": "50ms", "max": "100ms"}}


def test_a_pod_that_always_fails_can_be_removed(node: Daemon) -> None:
    node.drop("fails.yaml", pod("fails", "exit 1"))
    node.wait_container("fails-lab", lambda each: each["restartCount"] >= 1, what="restarted")
    node.remove("fails.yaml")
    node.wait_gone("fails-lab")
    assert node.traces.of_pods() == []


def test_a_pod_knows_the_address_of_its_host(node: Daemon) -> None:
    node.drop("web.yaml", pod("web"))
    web = node.wait_running("web-lab")["web-lab"]
    assert web["status"]["hostIP"] == UPLINK_ADDRESS
    assert web["status"]["hostIPs"] == [{"ip": UPLINK_ADDRESS}]


def test_pods_and_node_reach_a_pod(node: Daemon) -> None:
    """Over TCP, as HTTP goes, and by UDP: from another pod, and from the host's network."""
    for name in ("serves", "asks", "here"):
        node.drop(f"{name}.yaml", pod(name, hostNetwork=name == "here"))
    pods = node.wait_running("serves-lab", "asks-lab", "here-lab")
    address, gateway = pods["serves-lab"]["status"]["podIP"], next(IPv4Network(node.names.subnet).hosts())
    with (
        inside(_network(node, "serves-lab"), lambda: socket.create_server(("0.0.0.0", 8080))) as listening,
        inside(_network(node, "serves-lab"), lambda: socket.socket(type=socket.SOCK_DGRAM)) as datagrams,
    ):
        datagrams.bind(("0.0.0.0", 8081))
        for name in ("asks-lab", "here-lab"):
            came_from = pods[name]["status"]["podIP"] if name == "asks-lab" else str(gateway)
            with (
                inside(_network(node, name), lambda: socket.create_connection((address, 8080))),
                inside(_network(node, name), lambda: socket.socket(type=socket.SOCK_DGRAM)) as asking,
            ):
                connection, sender = listening.accept()
                connection.close()
                assert sender[0] == came_from
                asking.sendto(b"hello", (address, 8081))
                content, sender = datagrams.recvfrom(64)
                assert (content, sender[0]) == (b"hello", came_from)
                datagrams.sendto(b"answer", sender)
                assert asking.recv(64) == b"answer"


def _network(node: Daemon, name: str) -> Path:
    """The network namespace of a pod."""
    return Path(f"/proc/{node.processes(name)['c0'][0]}/ns/net")


@pytest.mark.everywhere
def test_grpc_as_a_liveness_probe(new_daemon: Callable[..., Daemon]) -> None:
    node = new_daemon(**QUICK_BACKOFF)
    node.start()
    health = Health()
    with running(healthy(health, address="0.0.0.0")):
        probe = {"grpc": {"port": health.port}} | EVERY_SECOND
        asked = container("c0", FOREVER, livenessProbe=probe, readinessProbe=probe)
        node.drop("grpc.yaml", pod("grpc", containers=[asked], hostNetwork=True))
        ready = node.wait_container("grpc-lab", lambda each: each["ready"], what="ready")
        assert ready["restartCount"] == 0
        health.answer = b"\0\0\0\0\x02\x08\x02"  # NOT_SERVING
        node.wait_container("grpc-lab", lambda each: each["restartCount"] >= 1, what="restarted")
    words = 'Liveness probe failed: service unhealthy (responded with "NOT_SERVING")'
    assert words in messages(node, "grpc-lab", "Unhealthy")


def test_the_restart_count_only_grows(new_daemon: Callable[..., Daemon]) -> None:
    node = new_daemon(**QUICK_BACKOFF)
    node.start()
    probe = {"exec": {"command": ["false"]}} | EVERY_SECOND
    counts = []
    with client.watch(node.socket, "/pods?watch=1", timeout_s=60) as changes:
        node.drop("web.yaml", pod("web", containers=[container("c0", FOREVER, livenessProbe=probe)]))
        for change in changes:
            counts += [each["restartCount"] for each in statuses(change["object"]).values()]
            if counts and counts[-1] >= 4:
                break
    assert sorted(counts) == counts


def test_nothing_is_ready_before_the_initial_delay(node: Daemon) -> None:
    delay_s = 3
    probe = {"exec": {"command": ["true"]}, "initialDelaySeconds": delay_s, "periodSeconds": 1, "timeoutSeconds": 30}
    node.drop("late.yaml", pod("late", containers=[container("c0", FOREVER, readinessProbe=probe)]))
    late = node.wait_running("late-lab")["late-lab"]
    assert not statuses(late)["c0"]["ready"] or _ready_after_s(late) >= delay_s
    node.wait_container("late-lab", lambda each: each["ready"], what="ready")
    ready = node.pods()["late-lab"]
    assert _ready_after_s(ready) >= delay_s
    assert statuses(ready)["c0"]["restartCount"] == 0
    until(lambda: messages(node, "late-lab", "Started"), "it is told")
    assert messages(node, "late-lab", "Unhealthy") == []


def _ready_after_s(pod: dict[str, Any]) -> float:
    """From the container's start to the pod's readiness."""
    (ready,) = (each for each in pod["status"]["conditions"] if each["type"] == "Ready")
    started = statuses(pod)["c0"]["state"]["running"]["startedAt"]
    return (datetime.fromisoformat(ready["lastTransitionTime"]) - datetime.fromisoformat(started)).total_seconds()
