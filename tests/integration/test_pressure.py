"""Pods that do not fit, and pods that go because the host is short of something: a threshold of 100% is never met."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.integration.harness import FOREVER, Daemon, container, pod, reasons

pytestmark = pytest.mark.integration


def asking(name: str, **requests: str) -> dict[str, Any]:
    """A pod that runs and requests this much."""
    made = pod(name, FOREVER)
    made["spec"]["containers"][0]["resources"] = {"requests": requests}
    return made


def reload(daemon: Daemon, **eviction: str) -> None:
    """Other thresholds, while it runs."""
    settings = yaml.safe_load(daemon.config.read_text())
    settings["eviction"] |= eviction
    daemon.config.write_text(yaml.safe_dump(settings))
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)


def wait_failed(daemon: Daemon, name: str, reason: str) -> str:
    """Wait until a pod has failed for this reason; the message of its status."""
    pods = daemon.wait_for(
        lambda pods: name in pods and pods[name]["status"].get("reason") == reason, what=f"{name} has failed: {reason}"
    )
    assert pods[name]["status"]["phase"] == "Failed"
    return str(pods[name]["status"]["message"])


def test_who_asks_for_more_than_there_is_is_refused_and_comes_when_there_is_room(
    new_daemon: Callable[..., Daemon],
) -> None:
    daemon = new_daemon(reserved={"cpu": "100m"})
    daemon.start()
    daemon.drop("big.yaml", asking("big", cpu="500"))
    daemon.drop("huge.yaml", asking("huge", memory="900Ti"))
    assert "resource: memory, requested: " in wait_failed(daemon, "huge-lab", "OutOfmemory")
    message = wait_failed(daemon, "big-lab", "OutOfcpu")
    assert message.startswith("Pod was rejected: Node didn't have enough resource: cpu, requested: 500000, used: 0, ")
    assert int(message.rpartition(" ")[2]) % 1000 == 900
    daemon.drop("big.yaml", asking("big", cpu="1m"))
    daemon.wait_running("big-lab")


def test_a_port_of_the_host_is_one_pod_s_until_that_is_gone(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    daemon.start()
    for name in ("first", "second"):
        containers = [container("main", FOREVER, ports=[{"containerPort": 18080, "hostPort": 18080}])]
        daemon.drop(f"{name}.yaml", pod(name, hostNetwork=True, containers=containers))
    daemon.wait_running("first-lab")
    assert wait_failed(daemon, "second-lab", "NodePorts").endswith("pod default/first-lab has TCP 18080")
    daemon.remove("first.yaml")
    daemon.wait_running("second-lab")


@pytest.mark.parametrize(
    ("threshold", "condition", "resource"),
    [
        ("nodefsAvailable", "DiskPressure", "ephemeral-storage"),
        pytest.param("memoryAvailable", "MemoryPressure", "memory", marks=pytest.mark.controllers),
        pytest.param("pidAvailable", "PIDPressure", "pids", marks=pytest.mark.controllers),
    ],
)
@pytest.mark.everywhere
def test_pods_go_one_by_one_and_come_again(
    new_daemon: Callable[..., Daemon], threshold: str, condition: str, resource: str
) -> None:
    daemon = new_daemon(eviction={"transitionPeriod": "0s"})
    daemon.start()
    # Who has nothing does not go: of the disk each has this much, wherever its writable layer is.
    daemon.drop("cheap.yaml", pod("cheap", f"head -c 65536 /dev/zero > /had; {FOREVER}"))
    daemon.drop("dear.yaml", pod("dear", f"head -c 65536 /dev/zero > /had; {FOREVER}", priority=10))
    daemon.drop("critical.yaml", pod("critical", FOREVER, priorityClassName="system-node-critical"))
    daemon.wait_running("cheap-lab", "dear-lab", "critical-lab")

    reload(daemon, **{threshold: "100%", "transitionPeriod": "1h"})
    for name in ("cheap-lab", "dear-lab"):
        message = wait_failed(daemon, name, "Evicted")
        assert message.startswith(f"The node was low on resource: {resource}. Threshold quantity: ")
    evicted = [event["involvedObject"]["name"] for event in daemon.events() if event["reason"] == "Evicted"]
    assert evicted == ["cheap-lab", "dear-lab"]
    daemon.drop("new.yaml", pod("new", FOREVER))
    message = wait_failed(daemon, "new-lab", "Evicted")
    assert message == f"Pod was rejected: The node had condition: [{condition}]. "
    assert daemon.pods()["critical-lab"]["status"]["phase"] == "Running"

    reload(daemon, **{threshold: "0", "transitionPeriod": "0s"})
    daemon.wait_running("cheap-lab", "dear-lab", "critical-lab", "new-lab")
    assert "Evicted" in reasons(daemon.events(), "cheap-lab")
