"""How pods end: their stop signal, the grace period and its end, the pod that follows."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lab import client
from lab.place import patient
from lab.registry import Registry
from tests.integration.derived import push_derived
from tests.integration.harness import FOREVER, Daemon, pod, reasons, statuses

pytestmark = pytest.mark.integration

DEAF = "trap '' TERM; echo up; while :; do sleep 0.1; done"


def last_sight(node: Daemon, manifest: str, name: str) -> dict[str, Any]:
    """Remove a manifest; its pod as it was shown last."""
    with client.watch(node.socket, "/pods?watch=1", timeout_s=20) as changes:
        next(changes)
        node.remove(manifest)
        for change in changes:
            if change["type"] == "DELETED" and change["object"]["metadata"]["name"] == name:
                return dict(change["object"])
    raise AssertionError("the watch ended")


def exit_codes(pod: Mapping[str, Any]) -> dict[str, int]:
    return {name: status["state"]["terminated"]["exitCode"] for name, status in statuses(pod).items()}


def test_sigterm_ends_what_takes_it_at_once(node: Daemon) -> None:
    # With a shared process namespace pause is process 1, so SIGTERM has its default effect on the others.
    node.drop("polite.yaml", pod("polite", FOREVER, "exec sleep 1000", grace_s=30, shareProcessNamespace=True))
    node.wait_running("polite-lab")
    began = time.monotonic()
    assert exit_codes(last_sight(node, "polite.yaml", "polite-lab")) == {"c0": 0, "c1": 143}
    assert time.monotonic() - began < patient(20)
    messages = [event["message"] for event in node.events() if event["reason"] == "Killing"]
    assert sorted(messages)[-2:] == ["Stopping container c0", "Stopping container c1"]


@pytest.mark.everywhere
def test_sigkill_ends_what_does_not_when_its_grace_period_is_over(node: Daemon) -> None:
    node.drop("deaf.yaml", pod("deaf", DEAF, f"echo up; {FOREVER}", grace_s=2))
    for container in ("c0", "c1"):
        node.wait_said("deaf-lab", "up", container)
    began = time.monotonic()
    assert exit_codes(last_sight(node, "deaf.yaml", "deaf-lab")) == {"c0": 137, "c1": 0}
    assert 1.9 < time.monotonic() - began < patient(20)


def test_a_grace_period_of_none_is_sigkill_at_once(node: Daemon) -> None:
    node.drop("now.yaml", pod("now", FOREVER, grace_s=0))
    node.wait_running("now-lab")
    assert exit_codes(last_sight(node, "now.yaml", "now-lab")) == {"c0": 137}


def test_a_pod_that_ends_is_shown_as_ending(node: Daemon) -> None:
    node.drop("deaf.yaml", pod("deaf", DEAF, grace_s=2))
    before = node.wait_running("deaf-lab")["deaf-lab"]
    assert "deletionTimestamp" not in before["metadata"]
    node.remove("deaf.yaml")
    pods = node.wait_for(lambda pods: "deletionTimestamp" in pods["deaf-lab"]["metadata"], what="ending")
    assert pods["deaf-lab"]["metadata"]["deletionGracePeriodSeconds"] == 2
    assert pods["deaf-lab"]["status"]["phase"] == "Running"
    assert node.cli("get", "pods").stdout.split()[5:8] == ["deaf-lab", "1/1", "Terminating"]


@pytest.mark.parametrize(("name", "number"), [("SIGUSR1", 10), ("SIGRTMIN+3", 37), ("12", 12)])
def test_the_images_stop_signal_is_sent(node: Daemon, registry: Registry, name: str, number: int) -> None:
    image = push_derived(registry, f"stop{number}", StopSignal=name)
    take = f"trap 'exit 99' TERM; trap 'exit {number}' {number}; echo up; while :; do sleep 3600 & wait $!; done"
    node.drop("stop.yaml", pod("stop", take, image=image, grace_s=10))
    node.wait_said("stop-lab", "up")
    assert exit_codes(last_sight(node, "stop.yaml", "stop-lab")) == {"c0": number}


def test_a_changed_manifest_replaces_the_pod_when_the_old_one_has_ended(node: Daemon, tmp_path: Path) -> None:
    order = tmp_path / "order"
    order.touch()
    place: dict[str, Any] = {"volumes": [{"name": "order", "hostPath": {"path": str(order), "type": "File"}}]}
    mount = {"volumeMounts": [{"name": "order", "mountPath": "/order"}]}
    old = pod(
        "web", "trap 'sleep 0.3; echo old ends >> /order; exit 0' TERM; echo up; while :; do sleep 0.1; done", **place
    )
    new = pod("web", f"echo new starts >> /order; echo up; {FOREVER}", **place)
    for manifest in (old, new):
        manifest["spec"]["containers"][0] |= mount
        manifest["spec"]["terminationGracePeriodSeconds"] = 10
    node.drop("web.yaml", old)
    node.wait_said("web-lab", "up")
    before = node.wait_running("web-lab")["web-lab"]
    processes = node.processes("web-lab")
    node.drop("web.yaml", new)
    pods = node.wait_for(
        lambda pods: "web-lab" in pods and pods["web-lab"]["metadata"]["uid"] != before["metadata"]["uid"],
        what="the new pod",
    )
    assert list(pods) == ["web-lab"]
    node.wait_said("web-lab", "up")
    after = node.pods()["web-lab"]
    assert statuses(after)["c0"]["restartCount"] == 0
    assert not set(processes["pause"]) & set(node.processes("web-lab")["pause"])
    assert order.read_text() == "old ends\nnew starts\n"


def test_the_newest_wish_wins_over_those_before_it(node: Daemon) -> None:
    node.drop("swap.yaml", pod("swap", DEAF, grace_s=1))
    node.wait_said("swap-lab", "up")
    node.remove("swap.yaml")
    for word in ("second", "third", "last"):
        node.drop("swap.yaml", pod("swap", f"echo {word}; {FOREVER}"))
    assert node.wait_for(
        lambda pods: "swap-lab" in pods and "deletionTimestamp" not in pods["swap-lab"]["metadata"], what="the new pod"
    )
    node.wait_running("swap-lab")
    assert node.wait_said("swap-lab", "\n") == "last\n"
    assert reasons(node.events(), "swap-lab").count("Started") == 2


def test_the_same_manifest_again_changes_nothing(node: Daemon) -> None:
    node.drop("web.yaml", pod("web", FOREVER))
    before = node.wait_running("web-lab")["web-lab"]
    node.drop("web.yaml", json.dumps(pod("web", FOREVER), indent=4))
    node.drop("other.yaml", pod("other", FOREVER))
    assert node.wait_running("other-lab")["web-lab"] == before
