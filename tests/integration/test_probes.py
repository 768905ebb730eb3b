"""Startup, liveness and readiness probes on real containers: what fails is restarted or not ready, and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.place import patient
from tests.integration.crash_kit import until
from tests.integration.harness import EVERY_SECOND, FOREVER, Daemon, conditions, container, pod, reasons, statuses

pytestmark = pytest.mark.integration

QUICK_BACKOFF = {"backoff": {"initial": "50ms", "max": "100ms"}}
HEALTHY = {"exec": {"command": ["cat", "/tmp/health"]}}
SERVING = "mkdir /tmp/w; echo fine > /tmp/w/healthz; exec httpd -f -p 8080 -h /tmp/w"


def probed(name: str, command: str, **fields: Any) -> dict[str, Any]:
    """A pod whose one container has these probes."""
    return pod(name, containers=[container("c0", command, **fields)])


def said_of(node: Daemon, name: str, reason: str) -> list[str]:
    return [e["message"] for e in node.events() if e["involvedObject"]["name"] == name and e["reason"] == reason]


@pytest.mark.parametrize(
    ("command", "probe"),
    [
        (f"touch /tmp/health; {FOREVER}", HEALTHY),
        (SERVING, {"httpGet": {"port": "web", "path": "/healthz"}}),
        (SERVING, {"tcpSocket": {"port": 8080}}),
    ],
    ids=["exec", "httpGet", "tcpSocket"],
)
@pytest.mark.everywhere
def test_a_container_that_answers_is_ready_and_never_restarted(
    node: Daemon, command: str, probe: dict[str, Any]
) -> None:
    """Probing container should *not* be restarted with a … liveness probe."""
    # What serves may need a moment longer than the first probe: only the start waits for it.
    first = {"startupProbe": probe | EVERY_SECOND | {"failureThreshold": 60}}
    both = {"livenessProbe": probe | EVERY_SECOND, "readinessProbe": probe | EVERY_SECOND}
    ports = [{"name": "web", "containerPort": 8080}]
    node.drop("fine.yaml", probed("fine", command, ports=ports, **first, **both))
    ready = node.wait_container("fine-lab", lambda each: each["ready"], what="ready")
    assert (ready["started"], ready["restartCount"]) == (True, 0)
    assert conditions(node.pods()["fine-lab"])["Ready"] == ("True", None)


@pytest.mark.everywhere
def test_a_failing_liveness_probe_restarts_the_container(new_daemon: Callable[..., Daemon]) -> None:
    """Probing container should be restarted with a exec "cat /tmp/health" liveness probe."""
    node = new_daemon(**QUICK_BACKOFF)
    node.start()
    node.drop("web.yaml", probed("web", FOREVER, livenessProbe=HEALTHY | EVERY_SECOND))
    node.wait_container("web-lab", lambda each: each["restartCount"] >= 2, what="restarted twice")
    unhealthy = said_of(node, "web-lab", "Unhealthy")
    assert unhealthy
    assert unhealthy[0].startswith("Liveness probe failed: cat: can't open '/tmp/health'")
    assert "Container c0 failed liveness probe, will be restarted" in said_of(node, "web-lab", "Killing")


def test_a_failing_http_probe_tells_the_status(new_daemon: Callable[..., Daemon]) -> None:
    """Probing container should be restarted with a /healthz http liveness probe."""
    node = new_daemon(**QUICK_BACKOFF)
    node.start()
    probe = {"httpGet": {"port": 8080, "path": "/nothing"}}
    startup = {"startupProbe": {"tcpSocket": {"port": 8080}} | EVERY_SECOND | {"failureThreshold": 60}}
    node.drop("web.yaml", probed("web", SERVING, livenessProbe=probe | EVERY_SECOND, **startup))
    node.wait_container("web-lab", lambda each: each["restartCount"] >= 1, what="restarted")
    assert "Liveness probe failed: HTTP probe failed with statuscode: 404" in said_of(node, "web-lab", "Unhealthy")


def test_a_failing_readiness_probe_takes_readiness_and_nothing_else(node: Daemon) -> None:
    """Probing container with readiness probe that fails should never be ready and never restart."""
    node.drop("unready.yaml", probed("unready", FOREVER, readinessProbe=HEALTHY | EVERY_SECOND))
    until(lambda: said_of(node, "unready-lab", "Unhealthy"), "a probe failed")
    web = node.pods()["unready-lab"]
    assert (statuses(web)["c0"]["ready"], statuses(web)["c0"]["restartCount"]) == (False, 0)
    assert web["status"]["phase"] == "Running"
    assert conditions(web)["Ready"] == ("False", "ContainersNotReady")
    assert node.cli("exec", "unready-lab", "--", "touch", "/tmp/health").returncode == 0
    node.wait_container("unready-lab", lambda each: each["ready"], what="ready")
    assert node.cli("exec", "unready-lab", "--", "rm", "/tmp/health").returncode == 0
    node.wait_container("unready-lab", lambda each: not each["ready"], what="not ready any more")


def test_a_startup_probe_holds_the_others_back(node: Daemon) -> None:
    startup = {"exec": {"command": ["test", "-e", "/tmp/started"]}} | EVERY_SECOND | {"failureThreshold": 1000}
    liveness = HEALTHY | EVERY_SECOND
    node.drop("slow.yaml", probed("slow", FOREVER, startupProbe=startup, livenessProbe=liveness))
    until(lambda: said_of(node, "slow-lab", "Unhealthy"), "the startup probe failed")
    waits = statuses(node.pods()["slow-lab"])["c0"]
    assert (waits["started"], waits["ready"], waits["restartCount"]) == (False, False, 0)
    assert {message.split()[0] for message in said_of(node, "slow-lab", "Unhealthy")} == {"Startup"}
    assert node.cli("exec", "slow-lab", "--", "touch", "/tmp/health", "/tmp/started").returncode == 0
    started = node.wait_container("slow-lab", lambda each: each["started"] and each["ready"], what="started")
    assert started["restartCount"] == 0


def test_a_failing_startup_probe_restarts_the_container(new_daemon: Callable[..., Daemon]) -> None:
    node = new_daemon(**QUICK_BACKOFF)
    node.start()
    node.drop("web.yaml", probed("web", FOREVER, startupProbe=HEALTHY | EVERY_SECOND))
    node.wait_container("web-lab", lambda each: each["restartCount"] >= 1, what="restarted")
    assert "Container c0 failed startup probe, will be restarted" in said_of(node, "web-lab", "Killing")


def test_a_hung_probe_ends_at_its_time_and_leaves_nothing(node: Daemon) -> None:
    hung = {"exec": {"command": ["sh", "-c", "sleep 3600"]}, "timeoutSeconds": 1, "periodSeconds": 1}
    node.drop("hung.yaml", probed("hung", FOREVER, readinessProbe=hung))
    until(lambda: said_of(node, "hung-lab", "Unhealthy"), "a probe hung")
    assert "timed out" in said_of(node, "hung-lab", "Unhealthy")[0]


def test_a_ready_container_stays_ready_over_a_restart_of_the_daemon(node: Daemon) -> None:
    slow = HEALTHY | {"periodSeconds": 1, "timeoutSeconds": int(patient(5)), "initialDelaySeconds": 1}
    node.drop("kept.yaml", probed("kept", f"touch /tmp/health; {FOREVER}", readinessProbe=slow))
    node.wait_container("kept-lab", lambda each: each["ready"], what="ready")
    before = node.pods()["kept-lab"]["status"]
    node.kill()
    node.start()
    after = node.pods()["kept-lab"]["status"]
    assert after["conditions"] == before["conditions"]
    assert after["containerStatuses"] == before["containerStatuses"]


def test_a_sidecar_lets_the_others_begin_when_its_startup_probe_passes(node: Daemon) -> None:
    startup = {"exec": {"command": ["test", "-e", "/tmp/started"]}} | EVERY_SECOND | {"failureThreshold": 1000}
    side = container("side", FOREVER, restartPolicy="Always", startupProbe=startup)
    node.drop("beside.yaml", pod("beside", FOREVER, initContainers=[side]))
    until(lambda: said_of(node, "beside-lab", "Unhealthy"), "the startup probe failed")
    assert "waiting" in statuses(node.pods()["beside-lab"])["c0"]["state"]
    assert node.cli("exec", "beside-lab", "-c", "side", "--", "touch", "/tmp/started").returncode == 0
    node.wait_running("beside-lab")
    assert reasons(node.events(), "beside-lab").count("Started") == 2
