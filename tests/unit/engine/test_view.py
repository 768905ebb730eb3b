from __future__ import annotations

from hostpod.engine.view import Refused, not_yet_admitted, render
from hostpod.plan.admission import Refusal
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.observed import Ending
from tests.unit.plan.build import attempt, pod, seen

RULE = BackoffRule()


def test_a_pod_is_shown_with_its_status() -> None:
    shown = render(seen(containers=(attempt(),)), now=200.0, rule=RULE, host_ips=("192.0.2.1",))
    assert shown["metadata"] == {
        "name": "p",
        "namespace": "default",
        "uid": "u1",
        "creationTimestamp": "1970-01-01T00:01:39Z",
    }
    assert shown["spec"]["containers"][0]["name"] == "web"
    assert (shown["status"]["phase"], shown["status"]["podIP"], shown["status"]["hostIP"]) == (
        "Running",
        "10.0.0.2",
        "192.0.2.1",
    )
    assert shown["status"]["qosClass"] == "BestEffort"


def test_an_ending_pod_says_until_when() -> None:
    ending = Ending(since=150.0, grace_s=30.0, reason="x")
    shown = render(seen(ending=ending), now=200.0, rule=RULE, host_ips=())
    assert shown["metadata"]["deletionTimestamp"] == "1970-01-01T00:03:00Z"
    assert shown["metadata"]["deletionGracePeriodSeconds"] == 30
    assert "hostIP" not in shown["status"]


def test_a_pod_that_has_not_begun_is_pending() -> None:
    shown = render(not_yet_admitted(pod(), wished_at=99.0), now=100.0, rule=RULE, host_ips=())
    assert shown["status"]["phase"] == "Pending"
    assert shown["status"]["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}


def test_a_pod_without_room_has_failed_and_says_why() -> None:
    refusal = Refusal(reason="OutOfpods", message="Node didn't have enough resource: pods, …")
    refused = Refused(pod=pod(), since=99.0, refusal=refusal)
    assert refused.render()["status"] == {
        "phase": "Failed",
        "reason": "OutOfpods",
        "message": "Pod was rejected: Node didn't have enough resource: pods, …",
        "startTime": "1970-01-01T00:01:39Z",
        "qosClass": "BestEffort",
    }
