"""hostpod.io/replace: a new version starts beside the old one, and takes its place when it is ready."""

from __future__ import annotations

from typing import Any

import pytest

from lab.place import patient
from tests.integration.crash_kit import until
from tests.integration.harness import FOREVER, Daemon, container, pod, reasons, statuses

pytestmark = pytest.mark.integration

READY = {"exec": {"command": ["cat", "/tmp/ready"]}, "periodSeconds": 1, "timeoutSeconds": int(patient(5))}


def version(name: str, word: str, *, ready: bool = True, deadline: int | None = None) -> dict[str, Any]:
    """A pod that says a word and, when `ready`, passes its readiness probe."""
    command = f"echo {word}; {'touch /tmp/ready; ' if ready else ''}{FOREVER}"
    manifest = pod(name, containers=[container("c0", command, readinessProbe=READY)])
    annotations = {"hostpod.io/replace": "when-ready"}
    if deadline is not None:
        annotations["hostpod.io/replace-deadline-seconds"] = str(deadline)
    manifest["metadata"]["annotations"] = annotations
    return manifest


def all_of(node: Daemon, name: str) -> list[dict[str, Any]]:
    """Every pod of a name, the oldest first."""
    return sorted(
        (each for each in node.all_pods() if each["metadata"]["name"] == f"{name}-lab"),
        key=lambda each: each["metadata"]["creationTimestamp"],
    )


def uids(node: Daemon, name: str) -> set[str]:
    return {each["metadata"]["uid"] for each in all_of(node, name)}


def is_ready(shown: dict[str, Any]) -> bool:
    return all(status["ready"] for status in statuses(shown).values()) and bool(statuses(shown))


def start(node: Daemon, name: str) -> str:
    """The old version, ready; its uid."""
    node.drop(f"{name}.yaml", version(name, "old"))
    ready = node.wait_for(lambda pods: f"{name}-lab" in pods and is_ready(pods[f"{name}-lab"]), what="old one ready")
    return str(ready[f"{name}-lab"]["metadata"]["uid"])


@pytest.mark.everywhere
def test_the_old_one_ends_when_the_new_one_is_ready(node: Daemon) -> None:
    old = start(node, "swap")
    node.drop("swap.yaml", version("swap", "new", ready=False))
    until(lambda: len(uids(node, "swap")) == 2, "both are there")
    (new,) = uids(node, "swap") - {old}
    until(lambda: all(statuses(each)["c0"]["state"].get("running") for each in all_of(node, "swap")), "both run")
    assert {each["metadata"]["uid"] for each in all_of(node, "swap") if is_ready(each)} == {old}
    assert "old" in node.said("swap-lab")
    node.drop("swap.yaml", version("swap", "newest"))
    until(lambda: {old, new}.isdisjoint(uids(node, "swap")) and len(uids(node, "swap")) == 1, "replaced", within_s=30)
    assert "newest" in node.said("swap-lab")
    assert "Replacing" in reasons(node.events(), "swap-lab")


def test_one_that_is_not_ready_in_time_is_withdrawn_and_the_old_one_goes_on(node: Daemon) -> None:
    old = start(node, "late")
    node.drop("late.yaml", version("late", "new", ready=False, deadline=2))
    until(lambda: "NotReadyInTime" in reasons(node.events(), "late-lab"), "withdrawn", within_s=30)
    until(lambda: [each["metadata"]["uid"] for each in all_of(node, "late") if is_ready(each)] == [old], "old runs on")
    refused = [each for each in all_of(node, "late") if each["metadata"]["uid"] != old]
    (new,) = (each["metadata"]["uid"] for each in refused)
    until(lambda: not any(new in line for _, line in node.traces.processes()), "nothing of the new one runs")
    assert "running" in statuses(node.pods()["late-lab"])["c0"]["state"]


def test_a_restart_of_the_daemon_amid_it_loses_neither(node: Daemon) -> None:
    old = start(node, "amid")
    node.drop("amid.yaml", version("amid", "new", ready=False))
    until(lambda: len(uids(node, "amid")) == 2, "both are there")
    until(lambda: all(statuses(each)["c0"]["state"].get("running") for each in all_of(node, "amid")), "both run")
    before = {each["metadata"]["uid"]: statuses(each)["c0"]["containerID"] for each in all_of(node, "amid")}
    node.kill()
    node.start()
    assert {each["metadata"]["uid"]: statuses(each)["c0"]["containerID"] for each in all_of(node, "amid")} == before
    node.drop("amid.yaml", version("amid", "old"))
    until(lambda: uids(node, "amid") == {old}, "back to the old version the new one goes", within_s=30)
    assert statuses(node.pods()["amid-lab"])["c0"]["containerID"] == before[old]


def test_ports_of_the_host_cannot_be_had_twice(node: Daemon) -> None:
    manifest = version("ports", "x")
    manifest["spec"] |= {"hostNetwork": True}
    manifest["spec"]["containers"][0]["ports"] = [{"containerPort": 18080}]
    node.drop("ports.yaml", manifest)
    until(lambda: any("cannot have ports of the host" in each["text"] for each in node.problems()), "a problem")
    node.remove("ports.yaml")
