from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hostpod.kube import PodCondition, PodStatus, to_json
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.change import resources_of
from hostpod.plan.container_status import duration
from hostpod.plan.observed import Ending, Failure, ObservedContainer, ObservedPod, Stopping, Verdict
from hostpod.plan.status import lets_others_start, phase, pod_status
from tests.unit.plan.build import attempt, ended, pod, seen


def status(sight: ObservedPod, now: float = 200.0) -> PodStatus:
    return pod_status(sight, now=now, rule=BackoffRule(), host_ips=("192.0.2.1",), qos_class="BestEffort")


def state(sight: ObservedPod, now: float = 200.0) -> dict[str, Any]:
    (container,) = status(sight, now).container_statuses
    return to_json(container)["state"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("sight", "expected"),
    [
        (seen(), "Pending"),
        (seen(containers=(attempt(phase="created", started_at=None),)), "Pending"),
        (seen(pod("web", "side"), containers=(attempt(),)), "Pending"),
        (seen(containers=(attempt(),)), "Running"),
        (seen(containers=(ended(),)), "Running"),
        (seen(containers=(ended(), attempt(number=1, phase="creating"))), "Running"),
        (seen(pod(restartPolicy="OnFailure"), containers=(ended(exit_code=0),)), "Succeeded"),
        (seen(pod(restartPolicy="Never"), containers=(ended(exit_code=3),)), "Failed"),
        (seen(pod("web", "side", restartPolicy="Never"), containers=(ended(exit_code=0), attempt("side"))), "Running"),
    ],
)
def test_phase(sight: ObservedPod, expected: str) -> None:
    assert phase(sight) == expected


class TestContainerState:
    def test_before_the_first_attempt(self) -> None:
        assert state(seen()) == {"waiting": {"reason": "ContainerCreating"}}

    def test_running(self) -> None:
        assert state(seen(containers=(attempt(),))) == {"running": {"startedAt": "1970-01-01T00:01:41Z"}}

    def test_an_end_that_waits_for_its_restart_is_a_crash_loop(self) -> None:
        crash = ended(number=3, backoff_s=40.0, finished_at=190.0)
        assert state(seen(containers=(crash,))) == {
            "waiting": {
                "reason": "CrashLoopBackOff",
                "message": "back-off 40s restarting failed container=web pod=p_default(u1)",
            }
        }
        assert "terminated" in state(seen(containers=(crash,)), now=231.0)

    def test_an_end_for_good(self) -> None:
        killed = ended(exit_code=137, reason="OOMKilled")
        assert state(seen(pod(restartPolicy="Never"), containers=(killed,))) == {
            "terminated": {
                "exitCode": 137,
                "reason": "OOMKilled",
                "startedAt": "1970-01-01T00:01:41Z",
                "finishedAt": "1970-01-01T00:01:50Z",
                "containerID": "hostpod://web0",
            }
        }

    def test_what_runs_is_ready_until_it_has_ended(self) -> None:
        ending = Ending(since=150.0, grace_s=30.0, reason="x")
        shown = status(seen(containers=(attempt(),), ending=ending))
        assert shown.container_statuses[0].ready
        assert {c.type: c.status for c in shown.conditions or ()}["Ready"] == "True"

    def test_an_end_of_an_ending_pod_is_shown_as_an_end(self) -> None:
        ending = Ending(since=150.0, grace_s=30.0, reason="x")
        assert "terminated" in state(seen(containers=(ended(number=1, backoff_s=300.0),), ending=ending))

    @pytest.mark.parametrize(("code", "reason"), [(0, "Completed"), (1, "Error"), (143, "Error")])
    def test_reason_of_a_plain_end(self, code: int, reason: str) -> None:
        sight = seen(pod(restartPolicy="Never"), containers=(ended(exit_code=code),))
        assert state(sight)["terminated"]["reason"] == reason

    def test_a_refused_pull(self) -> None:
        failure = Failure(
            action="EnsureImage image:web", count=2, at=195.0, reason="ErrImagePull", message="no such host"
        )
        waiting = seen(failures={failure.action: failure})
        assert state(waiting)["waiting"] == {
            "reason": "ImagePullBackOff",
            "message": 'Back-off pulling image "img": ErrImagePull: no such host',
        }
        pulling = replace(waiting, busy=frozenset({"image:web"}))
        assert state(pulling)["waiting"] == {"reason": "ErrImagePull", "message": "no such host"}

    @pytest.mark.parametrize("reason", ["ErrImageNeverPull", "InvalidImageName"])
    def test_a_pull_that_waiting_does_not_mend(self, reason: str) -> None:
        failure = Failure(action="EnsureImage image:web", count=2, at=195.0, reason=reason, message="m")
        assert state(seen(failures={failure.action: failure}))["waiting"] == {"reason": reason, "message": "m"}

    def test_a_refused_creation(self) -> None:
        failure = Failure(
            action="CreateContainer container:web",
            count=1,
            at=195.0,
            reason="CreateContainerConfigError",
            message="no user nobody",
        )
        assert state(seen(failures={failure.action: failure}))["waiting"]["reason"] == "CreateContainerConfigError"


def test_counts_and_last_state_come_from_the_attempts() -> None:
    (container,) = status(seen(containers=(ended(), attempt(number=1)))).container_statuses
    assert container.restart_count == 1
    assert container.last_state is not None
    assert container.last_state.terminated is not None
    assert container.last_state.terminated.exit_code == 1
    assert container.ready


def test_a_crash_loop_shows_its_crash_as_last_state() -> None:
    (container,) = status(seen(containers=(ended(number=1, backoff_s=300.0),))).container_statuses
    assert container.last_state is not None
    assert container.last_state.terminated is not None
    assert container.restart_count == 1
    assert not container.ready


def test_conditions_of_a_running_pod() -> None:
    found = {c.type: (c.status, c.last_transition_time) for c in status(seen(containers=(attempt(),))).conditions}
    assert found == {
        "PodReadyToStartContainers": ("True", "1970-01-01T00:01:40Z"),
        "Initialized": ("True", "1970-01-01T00:01:39Z"),
        "Ready": ("True", "1970-01-01T00:01:41Z"),
        "ContainersReady": ("True", "1970-01-01T00:01:41Z"),
        "PodScheduled": ("True", "1970-01-01T00:01:39Z"),
    }


def test_conditions_name_what_is_not_ready() -> None:
    conditions = {c.type: c for c in status(seen(pod("web", "side"), containers=(attempt(),))).conditions}
    assert conditions["Ready"].status == "False"
    assert conditions["Ready"].message == "containers with unready status: [side]"


class TestSinceWhenItIsInitialized:
    POD = pod(
        initContainers=[
            {"name": "first", "image": "img"},
            {
                "name": "side",
                "image": "img",
                "restartPolicy": "Always",
                "startupProbe": {"exec": {"command": ["true"]}},
            },
        ]
    )
    DONE = ended("first", exit_code=0)

    def condition(self, *attempts: ObservedContainer) -> PodCondition:
        (found,) = (c for c in status(seen(self.POD, containers=attempts)).conditions if c.type == "Initialized")
        return found

    def test_it_holds_since_the_last_of_them_was_through(self) -> None:
        found = self.condition(self.DONE, attempt("side", startup=True, startup_at=120.0))
        assert (found.status, found.last_transition_time) == ("True", "1970-01-01T00:02:00Z")

    def test_an_init_container_counts_that_was_tried_again(self) -> None:
        found = self.condition(
            ended("first"), ended("first", 1, exit_code=0, finished_at=140.0), attempt("side", startup=True)
        )
        assert (found.status, found.last_transition_time) == ("True", "1970-01-01T00:02:20Z")

    def test_a_sidecar_that_comes_again_does_not_change_since_when(self) -> None:
        found = self.condition(self.DONE, ended("side"), attempt("side", 1, started_at=170.0), attempt())
        assert (found.status, found.last_transition_time) == ("True", "1970-01-01T00:01:50Z")


def test_pods_that_come_after_it_may_start_when_it_is_ready_or_has_done_its_work() -> None:
    assert lets_others_start(seen(containers=(attempt(),)))
    assert not lets_others_start(seen(containers=(ended(),)))
    assert lets_others_start(seen(pod(restartPolicy="Never"), containers=(ended(exit_code=0),)))
    assert not lets_others_start(seen(pod(restartPolicy="Never"), containers=(ended(),)))


@pytest.mark.parametrize(("code", "reason"), [(0, "PodCompleted"), (1, "PodFailed")])
def test_conditions_of_a_finished_pod(code: int, reason: str) -> None:
    conditions = {
        c.type: c for c in status(seen(pod(restartPolicy="Never"), containers=(ended(exit_code=code),))).conditions
    }
    assert conditions["Ready"].reason == reason


def test_a_pod_on_the_hosts_network_has_the_hosts_address() -> None:
    assert status(seen(pod(hostNetwork=True), ips=())).pod_ip == "192.0.2.1"
    assert status(seen()).pod_ip == "10.0.0.2"
    assert status(seen(ips=())).pod_ips == ()


def test_a_pod_with_two_addresses_is_known_by_the_first() -> None:
    both = seen(ips=("10.0.0.2", "fd00::2"))
    told = status(both)
    assert told.pod_ip == both.ip == "10.0.0.2"
    assert [each.ip for each in told.pod_ips] == ["10.0.0.2", "fd00::2"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (10, "10s"),
        (160, "2m40s"),
        (300, "5m0s"),
        (0.25, "250ms"),
        (1.5, "1.5s"),
        (3600, "1h0m0s"),
        (86399.5, "23h59m59.5s"),
    ],
)
def test_durations_are_written_as_go_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_pod_that_was_ended_with_the_host_is_failed_and_says_why() -> None:
    verdict = Verdict(reason="Terminated", message="Pod was terminated in response to imminent node shutdown.")
    shown = status(seen(containers=(ended(exit_code=0),), pause=False, verdict=verdict))
    assert (shown.phase, shown.reason, shown.message) == ("Failed", verdict.reason, verdict.message)
    (container,) = shown.container_statuses
    assert container.state.terminated is not None
    assert {c.reason for c in shown.conditions if c.type == "Ready"} == {"PodFailed"}
    target = shown.conditions[-1]
    assert (target.type, target.status, target.reason) == ("DisruptionTarget", "True", "TerminationByKubelet")
    assert target.message == verdict.message


SIDECAR = {"name": "side", "image": "img", "restartPolicy": "Always"}
INIT = {"name": "first", "image": "img"}
CHECKED = {"name": "web", "image": "img", "readinessProbe": {"exec": {"command": ["true"]}}}


class TestInitialization:
    POD = pod(initContainers=[SIDECAR, INIT])

    def test_what_waits_for_it_says_so(self) -> None:
        shown = status(seen(self.POD, containers=(attempt("side"), attempt("first"))))
        (web,) = shown.container_statuses
        assert web.state.waiting is not None
        assert web.state.waiting.reason == "PodInitializing"
        found = {c.type: c for c in shown.conditions}
        assert (found["Initialized"].status, found["Initialized"].reason) == ("False", "ContainersNotInitialized")
        assert found["Initialized"].message == "containers with incomplete status: [first]"
        assert found["Ready"].message == "containers with unready status: [web]"

    def test_it_is_over_when_the_last_of_them_is_through(self) -> None:
        done = ended("first", exit_code=0, finished_at=120.0)
        shown = status(seen(self.POD, containers=(attempt("side", started_at=105.0), done, attempt())))
        found = {c.type: (c.status, c.last_transition_time) for c in shown.conditions}
        assert found["Initialized"] == ("True", "1970-01-01T00:02:00Z")
        side, first = shown.init_container_statuses
        assert (side.ready, side.started) == (True, True)
        assert (first.ready, first.started) == (True, False)

    def test_a_sidecar_that_is_not_ready_takes_the_pods_readiness(self) -> None:
        of = pod(initContainers=[SIDECAR | {"readinessProbe": {"exec": {"command": ["true"]}}}])
        found = {c.type: c for c in status(seen(of, containers=(attempt("side"), attempt()))).conditions}
        assert found["Ready"].message == "containers with unready status: [side]"


class TestReadiness:
    POD = pod(containers=[CHECKED])

    @pytest.mark.parametrize(("result", "ready"), [(None, False), (False, False), (True, True)])
    def test_it_is_what_the_probe_says(self, result: bool | None, *, ready: bool) -> None:
        shown = status(seen(self.POD, containers=(attempt(ready=result, ready_at=130.0),)))
        (container,) = shown.container_statuses
        assert (container.ready, container.started) == (ready, True)
        found = {c.type: c.last_transition_time for c in shown.conditions}
        assert found["Ready"] == "1970-01-01T00:02:10Z"

    def test_before_its_startup_probe_passed_a_container_has_not_started(self) -> None:
        of = pod(containers=[CHECKED | {"startupProbe": {"exec": {"command": ["true"]}}}])
        (waits,) = status(seen(of, containers=(attempt(ready=True),))).container_statuses
        assert (waits.ready, waits.started) == (False, False)
        (started,) = status(seen(of, containers=(attempt(ready=True, startup=True),))).container_statuses
        assert (started.ready, started.started) == (True, True)


def test_a_container_whose_post_start_hook_failed_waits_for_that_reason() -> None:
    hook = {"lifecycle": {"postStart": {"exec": {"command": ["true"]}}}}
    of = pod(containers=[{"name": "web", "image": "img", **hook}])
    failed = Stopping(since=105.0, grace_s=1.0, reason="PostStartHook failed: no", hook_failed=True)
    assert state(seen(of, containers=(ended(stopping=failed),))) == {
        "waiting": {"reason": "PostStartHookError", "message": "PostStartHook failed: no"}
    }


def test_what_a_container_has_is_shown_until_it_has_what_its_pod_says() -> None:
    of = pod(containers=[{"name": "web", "image": "img", "resources": {"requests": {"cpu": "2"}}}])
    before = pod(containers=[{"name": "web", "image": "img", "resources": {"requests": {"cpu": "1"}}}])
    held = resources_of(before.spec.containers[0])
    (container,) = status(seen(of, containers=(attempt(resources=held),))).container_statuses
    assert to_json(container)["resources"] == {"requests": {"cpu": "1"}}
    given = resources_of(of.spec.containers[0])
    (container,) = status(seen(of, containers=(attempt(resources=given),))).container_statuses
    assert to_json(container)["resources"] == {"requests": {"cpu": "2"}}


@pytest.mark.parametrize("action", ["MakeNamespaces namespaces", "AttachNetwork network", "RunPause pause"])
def test_a_sandbox_that_cannot_be_made_is_told_by_every_container(action: str) -> None:
    failure = Failure(action=action, count=1, at=195.0, reason="CreatePodSandboxError", message="no address is left")
    assert state(seen(failures={action: failure}))["waiting"] == {
        "reason": "CreatePodSandboxError", "message": "no address is left"
    }  # fmt: skip


def test_what_the_pod_says_as_a_whole_is_shown() -> None:
    whole = {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}
    told = to_json(status(seen(pod(resources=whole))))
    assert (told["resources"], told["allocatedResources"]) == (whole, {"cpu": "1"})
    assert not {"resources", "allocatedResources"} & to_json(status(seen())).keys()
