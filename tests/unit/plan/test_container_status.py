from __future__ import annotations

from typing import Any

import pytest

from hostpod.kube import ContainerStatus, Pod
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.container_status import container_status, is_ready
from hostpod.plan.observed import Ending, ObservedPod, Verdict
from tests.unit.plan.build import attempt, ended, pod, seen

HOOK = {"exec": {"command": ["true"]}}
INIT = {"name": "first", "image": "img"}
SIDECAR = {"name": "side", "image": "img", "restartPolicy": "Always"}
ENDING = Ending(since=150.0, grace_s=30.0, reason="its manifest is gone")


def of(**parts: Any) -> Pod:
    return pod(containers=[{"name": "web", "image": "img", **parts}])


def shown(sight: ObservedPod, name: str = "web") -> ContainerStatus:
    return container_status(sight.pod.spec.container(name), sight, 200.0, BackoffRule())


def waiting(sight: ObservedPod, name: str = "web") -> tuple[str | None, str | None]:
    state = shown(sight, name).state.waiting
    assert state is not None
    return state.reason, state.message


def test_what_waits_for_other_pods_says_for_whom() -> None:
    assert waiting(seen(waits="waits for pod db")) == ("WaitingForPods", "waits for pod db")


def test_a_sidecar_that_ended_with_its_pods_work_does_not_come_again() -> None:
    job = pod(initContainers=[SIDECAR], restartPolicy="Never")
    side = ended("side", 1, backoff_s=10.0, finished_at=195.0)
    status = shown(seen(job, containers=(side, ended(exit_code=0))), "side")
    assert status.state.waiting is None
    assert status.state.terminated is not None


class TestStartedAndReady:
    @pytest.mark.parametrize(
        ("parts", "results", "started", "ready"),
        [
            ({}, {}, True, True),
            ({"startupProbe": HOOK}, {}, False, False),
            ({"startupProbe": HOOK}, {"startup": True}, True, True),
            ({"lifecycle": {"postStart": HOOK}}, {}, False, False),
            ({"lifecycle": {"postStart": HOOK}}, {"post_started_at": 105.0}, True, True),
            ({"readinessProbe": HOOK}, {}, True, False),
            ({"readinessProbe": HOOK}, {"ready": False}, True, False),
            ({"readinessProbe": HOOK}, {"ready": True}, True, True),
            ({"startupProbe": HOOK, "readinessProbe": HOOK}, {"ready": True}, False, False),
        ],
    )
    def test_by_hook_and_probes(
        self, parts: dict[str, Any], results: dict[str, Any], *, started: bool, ready: bool
    ) -> None:
        status = shown(seen(of(**parts), containers=(attempt(**results),)))
        assert (status.started, status.ready) == (started, ready)

    def test_an_init_container_is_ready_when_it_has_done_its_work(self) -> None:
        of_two = pod(initContainers=[INIT])
        assert not shown(seen(of_two), "first").ready
        assert not shown(seen(of_two, containers=(attempt("first"),)), "first").ready
        assert not shown(seen(of_two, containers=(ended("first"),)), "first").ready
        done = shown(seen(of_two, containers=(ended("first", exit_code=0),)), "first")
        assert (done.ready, done.started) == (True, False)

    def test_a_pod_is_ready_with_its_containers_and_sidecars_until_it_is_to_end(self) -> None:
        with_sidecar = pod(initContainers=[INIT, SIDECAR])
        done, side, web = ended("first", exit_code=0), attempt("side"), attempt()
        assert not is_ready(seen(with_sidecar, containers=(done, side)))
        assert not is_ready(seen(with_sidecar, containers=(done, web, ended("side"))))
        assert is_ready(seen(with_sidecar, containers=(done, side, web)))
        assert not is_ready(seen(with_sidecar, containers=(done, side, web), ending=ENDING))
        verdict = Verdict(reason="DeadlineExceeded", message="m")
        assert not is_ready(seen(with_sidecar, containers=(done, side, web), verdict=verdict))
