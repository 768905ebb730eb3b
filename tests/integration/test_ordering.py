"""Pods that others name start first and end last."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.harness import EVERY_SECOND, FOREVER, Daemon, container, pod, reasons

pytestmark = pytest.mark.integration


def after(made: dict[str, Any], names: str) -> dict[str, Any]:
    made["metadata"]["annotations"] = {"hostpod.io/after": names}
    return made


def waits(pods: dict[str, dict[str, Any]], name: str) -> str:
    """What a pod says that it waits for."""
    statuses = pods[name]["status"].get("containerStatuses", []) if name in pods else []
    told = statuses[0]["state"].get("waiting", {}) if statuses else {}
    return str(told["message"]) if told.get("reason") == "WaitingForPods" else ""


@pytest.mark.everywhere
def test_a_pod_starts_when_the_one_that_it_names_is_ready_and_stays_when_that_goes(daemon: Daemon) -> None:
    probe = {"exec": {"command": ["cat", "/shared/ready"]}} | EVERY_SECOND
    slow = container("main", FOREVER, readinessProbe=probe, volumeMounts=[{"name": "v", "mountPath": "/shared"}])
    helper = container("helper", f"read line < /shared/go; touch /shared/ready; {FOREVER}")
    helper["volumeMounts"] = slow["volumeMounts"]
    helper["command"][2] = f"mkfifo /shared/go; {helper['command'][2]}"
    daemon.drop("web.yaml", after(pod("web", FOREVER), "db"))
    daemon.wait_for(lambda pods: waits(pods, "web-lab") == "waits for pods that no manifest has: db", what="web waits")
    daemon.drop("db.yaml", pod("db", containers=[slow, helper], volumes=[{"name": "v", "emptyDir": {}}]))
    daemon.wait_for(
        lambda pods: waits(pods, "web-lab") == "waits for pods that are not ready: default/db-lab", what="web waits on"
    )
    daemon.wait_for(lambda pods: pods["db-lab"]["status"]["phase"] == "Running", what="db runs and is not ready")
    assert daemon.pods()["web-lab"]["status"]["phase"] == "Pending"
    daemon.cli("exec", "db", "-c", "helper", "--", "sh", "-c", "echo > /shared/go")
    daemon.wait_running("web-lab")
    assert "WaitingForPods" in reasons(daemon.events(), "web-lab")
    daemon.kill()
    daemon.remove("db.yaml")
    daemon.start()
    daemon.wait_gone("db-lab")
    assert daemon.pods()["web-lab"]["status"]["phase"] == "Running"


def test_a_circle_is_a_problem_of_both_manifests(daemon: Daemon) -> None:
    daemon.drop("a.yaml", after(pod("a", FOREVER), "b"))
    daemon.drop("b.yaml", after(pod("b", FOREVER), "a"))
    pods = daemon.wait_for(lambda pods: waits(pods, "a-lab").startswith("never starts: "), what="a tells of the circle")
    assert set(pods) <= {"a-lab", "b-lab"}
    (one, two) = daemon.problems()
    for problem in (one, two):
        assert "default/a-lab after default/b-lab after default/a-lab" in problem["message"]
        assert "a.yaml, " in problem["message"]
    daemon.drop("b.yaml", pod("b", FOREVER))
    daemon.wait_running("a-lab", "b-lab")
    assert daemon.problems() == []
