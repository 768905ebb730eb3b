"""Hooks, signals and SIGKILL of containers that end, alone or with their pod."""

from __future__ import annotations

from typing import Any

from hostpod.kube import Pod
from hostpod.plan import actions as do
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.observed import Ending, ObservedPod, Stopping, Unhealthy
from hostpod.plan.reconcile import plan_pod
from tests.unit.plan.build import attempt, ended, pod, seen

RULE = BackoffRule()
ENDING = Ending(since=150.0, grace_s=30.0, reason="its manifest is gone")
HOOK = {"exec": {"command": ["true"]}}
PROBE = HOOK | {"terminationGracePeriodSeconds": 4}


def told(sight: ObservedPod, now: float) -> list[str]:
    """Actions with their containers; `…` where there is nothing to do but to wait."""
    plan = plan_pod(sight.pod, sight, now, RULE)
    actions = [f"{type(a).__name__} {getattr(a, 'container', '')}".strip() for a in plan.actions]
    return actions or ([f"… {plan.wake_at:g}"] if plan.wake_at is not None else [])


def hooked(**lifecycle: Any) -> Pod:
    return pod(containers=[{"name": "web", "image": "img", "lifecycle": lifecycle}])


def with_sidecars(*names: str, **of_each: Any) -> Pod:
    sidecars = [{"name": name, "image": "img", "restartPolicy": "Always", **of_each} for name in names]
    return pod(initContainers=sidecars)


class TestPreStop:
    POD = hooked(preStop=HOOK)

    def test_it_comes_before_the_signal(self) -> None:
        assert told(seen(self.POD, containers=(attempt(),), ending=ENDING), 150.0) == ["RunPreStop web"]
        over = attempt(pre_stopped_at=155.0)
        assert told(seen(self.POD, containers=(over,), ending=ENDING), 155.0) == ["StopContainer web"]

    def test_its_time_comes_out_of_the_grace_period(self) -> None:
        asked = attempt(pre_stopped_at=155.0, stop_sent_at=155.0)
        assert told(seen(self.POD, containers=(asked,), ending=ENDING), 155.0) == ["… 180"]

    def test_two_seconds_are_left_for_the_signal_though_it_took_all_time(self) -> None:
        running = frozenset({"preStop:web"})
        sight = seen(self.POD, containers=(attempt(),), ending=ENDING, busy=running)
        assert told(sight, 160.0) == ["… 180"]
        assert told(sight, 180.0) == ["Abandon web", "StopContainer web"]
        asked = attempt(stop_sent_at=180.0)
        assert told(seen(self.POD, containers=(asked,), ending=ENDING), 181.0) == ["… 182"]
        assert told(seen(self.POD, containers=(asked,), ending=ENDING), 182.0) == ["KillContainer web"]

    def test_a_hook_whose_container_ended_is_let_go_before_the_end_is_cleaned(self) -> None:
        over = ended(cleaned=False)
        sight = seen(self.POD, containers=(over,), ending=ENDING, busy=frozenset({"preStop:web"}))
        assert told(sight, 160.0) == ["Abandon web"]
        assert told(seen(self.POD, containers=(over,), ending=ENDING), 160.0) == ["CleanContainer web"]


def test_what_was_being_made_when_its_pod_ends_is_undone() -> None:
    creating = attempt(phase="creating", started_at=None)
    assert told(seen(containers=(creating,), ending=ENDING), 150.0) == ["DiscardContainer web"]


class TestPostStart:
    POD = hooked(postStart=HOOK)

    def test_it_runs_once_after_the_start(self) -> None:
        assert told(seen(self.POD, containers=(attempt(),)), 150.0) == ["RunPostStart web"]
        assert told(seen(self.POD, containers=(attempt(post_started_at=151.0),)), 152.0) == []

    def test_an_image_that_cannot_be_had_does_not_keep_it_from_running(self) -> None:
        edited = pod(containers=[{"name": "web", "image": "new", "lifecycle": {"postStart": HOOK}}])
        assert told(seen(edited, containers=(attempt(),)), 150.0) == ["RunPostStart web", "EnsureImage web"]

    def test_it_is_let_go_when_the_pod_ends(self) -> None:
        sight = seen(self.POD, containers=(attempt(),), ending=ENDING, busy=frozenset({"postStart:web"}))
        assert told(sight, 151.0) == ["Abandon web", "StopContainer web"]

    def test_an_earlier_attempt_that_is_kept_does_not_end_the_hook_of_the_next(self) -> None:
        sight = seen(self.POD, containers=(ended(), attempt(number=1)), busy=frozenset({"postStart:web"}))
        assert told(sight, 151.0) == []

    def test_where_it_failed_the_container_ends_and_is_restarted_by_its_policy(self) -> None:
        failed = Stopping(since=150.0, grace_s=30.0, reason="PostStartHook failed: no", hook_failed=True)
        assert told(seen(self.POD, containers=(attempt(stopping=failed),)), 151.0) == ["StopContainer web"]
        over = ended(stopping=failed, finished_at=152.0)
        assert told(seen(self.POD, containers=(over,)), 153.0) == ["EnsureImage web"]


def test_an_attempt_that_ended_before_does_not_let_go_the_hooks_of_the_one_that_runs() -> None:
    of = hooked(postStart=HOOK, preStop=HOOK)
    both = (ended(), attempt(number=1))
    assert told(seen(of, containers=both, busy=frozenset({"postStart:web"})), 150.0) == []
    assert told(seen(of, containers=both, busy=frozenset({"preStop:web"}), ending=ENDING), 150.0) == ["… 180"]


class TestUnhealthy:
    POD = pod(containers=[{"name": "web", "image": "img", "livenessProbe": PROBE}], restartPolicy="OnFailure")

    def test_a_container_that_fails_its_probe_ends_alone_and_comes_again(self) -> None:
        unhealthy = attempt(unhealthy=Unhealthy(probe="liveness"))
        (action,) = plan_pod(self.POD, seen(self.POD, containers=(unhealthy,)), 160.0, RULE).actions
        assert isinstance(action, do.BeginStopping)
        assert action.stopping == Stopping(
            since=160.0, grace_s=4.0, reason="Container web failed liveness probe, will be restarted", then="restart"
        )

    def test_the_probes_own_grace_period_counts(self) -> None:
        stopping = Stopping(since=160.0, grace_s=4.0, reason="r", then="restart")
        asked = attempt(unhealthy=Unhealthy(probe="liveness"), stopping=stopping, stop_sent_at=160.0)
        assert told(seen(self.POD, containers=(asked,)), 161.0) == ["… 164"]
        assert told(seen(self.POD, containers=(asked,)), 164.0) == ["KillContainer web"]

    def test_it_comes_again_though_it_ended_well(self) -> None:
        stopping = Stopping(since=160.0, grace_s=4.0, reason="r", then="restart")
        assert told(seen(self.POD, containers=(ended(exit_code=0, stopping=stopping),)), 170.0) == ["EnsureImage web"]


class TestSidecars:
    POD = with_sidecars("one", "two")
    ALL = (attempt("one"), attempt("two"), attempt())

    def test_they_end_after_the_others_in_reverse_order(self) -> None:
        assert told(seen(self.POD, containers=self.ALL, ending=ENDING), 150.0) == ["StopContainer web"]
        rest = (attempt("one"), attempt("two"), ended())
        assert told(seen(self.POD, containers=rest, ending=ENDING), 151.0) == ["StopContainer two"]
        last = (attempt("one"), ended("two"), ended())
        assert told(seen(self.POD, containers=last, ending=ENDING), 152.0) == ["StopContainer one"]

    def test_when_the_time_is_over_all_are_asked_and_have_two_seconds(self) -> None:
        asked = (attempt("one"), attempt("two"), attempt(stop_sent_at=150.0))
        assert told(seen(self.POD, containers=asked, ending=ENDING), 180.0) == [
            "StopContainer one", "StopContainer two", "KillContainer web"
        ]  # fmt: skip
        late = (attempt("one", stop_sent_at=180.0),)
        assert told(seen(self.POD, containers=late, ending=ENDING), 181.0) == ["… 182"]

    def test_their_pre_stop_hooks_run_at_once(self) -> None:
        of = with_sidecars("one", lifecycle={"preStop": HOOK})
        sight = seen(of, containers=(attempt("one"), attempt()), ending=ENDING)
        assert told(sight, 150.0) == ["RunPreStop one", "StopContainer web"]

    def test_they_end_when_the_others_have_ended_for_good(self) -> None:
        done = pod(**{**_spec(self.POD), "restartPolicy": "Never"})
        sight = seen(done, containers=(attempt("one"), attempt("two"), ended(finished_at=150.0)))
        assert told(sight, 151.0) == ["StopContainer two"]
        over = seen(done, containers=(ended("one"), ended("two"), ended()))
        assert told(over, 152.0) == ["TearDownSandbox"]

    def test_one_that_fails_its_probe_ends_alone_and_at_once(self) -> None:
        stopping = Stopping(since=150.0, grace_s=30.0, reason="r", then="restart")
        sight = seen(self.POD, containers=(attempt("one", stopping=stopping), attempt("two"), attempt()))
        assert told(sight, 151.0) == ["StopContainer one"]


class TestDeadline:
    POD = pod(activeDeadlineSeconds=60, terminationGracePeriodSeconds=5)

    def test_it_is_looked_for_and_then_the_pod_has_failed(self) -> None:
        sight = seen(self.POD, containers=(attempt(),))
        assert told(sight, 120.0) == ["… 159"]
        (action,) = plan_pod(self.POD, sight, 159.0, RULE).actions
        assert isinstance(action, do.FailPod)
        assert (action.verdict.reason, action.verdict.since, action.verdict.grace_s) == ("DeadlineExceeded", 159.0, 5)

    def test_what_has_failed_ends_and_stays(self) -> None:
        verdict = plan_pod(self.POD, seen(self.POD), 159.0, RULE).actions[0].verdict  # type: ignore[union-attr]
        assert told(seen(self.POD, containers=(attempt(),), verdict=verdict), 160.0) == ["StopContainer web"]
        assert told(seen(self.POD, containers=(ended(),), verdict=verdict), 161.0) == ["TearDownSandbox"]
        gone = seen(self.POD, containers=(ended(),), verdict=verdict, namespaces=False, network=False, pause=False)
        assert told(gone, 1000.0) == []


def _spec(of: Pod) -> dict[str, Any]:
    return of.model_dump(by_alias=True, exclude_none=True)["spec"]  # type: ignore[no-any-return]


def test_what_was_killed_is_only_waited_for() -> None:
    sight = seen(containers=(attempt(stop_sent_at=151.0, kill_sent=True),), ending=ENDING)
    assert told(sight, 182.0) == []


def test_one_that_was_to_end_sooner_by_itself_is_killed_sooner_than_its_pod() -> None:
    stopping = Stopping(since=140.0, grace_s=15.0, reason="r", then="restart")
    sight = seen(containers=(attempt(stopping=stopping, stop_sent_at=140.0),), ending=ENDING)
    assert told(sight, 151.0) == ["… 155"]
    assert told(sight, 155.0) == ["KillContainer web"]
