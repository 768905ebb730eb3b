from __future__ import annotations

from typing import Any

import pytest

from hostpod.kube.annotations import CONFIG_HASH
from hostpod.plan import actions as do
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.observed import Ending, Failure, ObservedPod
from hostpod.plan.reconcile import plan_pod
from tests.unit.plan.build import attempt, ended, pod, seen

RULE = BackoffRule()
NOW = 200.0


def kinds(plan: do.Plan) -> list[str]:
    return [type(action).__name__ for action in plan.actions]


def keep(sight: ObservedPod, now: float = NOW) -> do.Plan:
    return plan_pod(sight.pod, sight, now, RULE)


def end(sight: ObservedPod, now: float = NOW) -> do.Plan:
    return plan_pod(None, sight, now, RULE)


ENDING = Ending(since=150.0, grace_s=30.0, reason="its manifest is gone")


class TestAdmission:
    def test_nothing_wished_and_nothing_there_is_nothing_to_do(self) -> None:
        assert plan_pod(None, None, NOW, RULE) == do.Plan()

    def test_a_wished_pod_is_written_down_before_anything_is_made(self) -> None:
        assert kinds(plan_pod(pod(), None, NOW, RULE)) == ["AdmitPod"]


class TestStart:
    def test_all_that_needs_nothing_else_begins_at_once(self) -> None:
        sight = seen(namespaces=False, volumes=False, network=False, pause=False)
        assert kinds(keep(sight)) == ["MakeNamespaces", "PrepareVolumes", "EnsureImage"]

    def test_volumes_are_written_anew_when_what_they_show_may_have_changed(self) -> None:
        assert kinds(keep(seen(stale=True, containers=(attempt(),)))) == ["PrepareVolumes"]
        assert kinds(keep(seen(volumes=False, stale=True, containers=(attempt(),)))) == ["PrepareVolumes"]
        assert kinds(keep(seen(containers=(attempt(),)))) == []

    def test_a_token_is_renewed_when_its_time_has_come(self) -> None:
        sight = seen(renew_at=NOW + 5, containers=(attempt(),))
        assert keep(sight) == do.Plan(wake_at=NOW + 5)
        plan = keep(sight, NOW + 5)
        assert [(type(each), each.reason) for each in plan.actions] == [
            (do.PrepareVolumes, "a token has to be renewed")
        ]
        assert plan.wake_at is None

    def test_pause_network_and_container_are_made_side_by_side(self) -> None:
        sight = seen(network=False, pause=False, images={"web": "sha256:1"})
        assert kinds(keep(sight)) == ["AttachNetwork", "RunPause", "CreateContainer"]

    @pytest.mark.parametrize("missing", [{"namespaces": False}, {"volumes": False}])
    def test_a_container_waits_for_namespaces_and_volumes(self, missing: dict[str, Any]) -> None:
        assert "CreateContainer" not in kinds(keep(seen(images={"web": "sha256:1"}, **missing)))

    def test_a_container_that_shares_pids_waits_for_pause(self) -> None:
        sharing = pod(shareProcessNamespace=True)
        assert "CreateContainer" not in kinds(keep(seen(sharing, pause=False, images={"web": "sha256:1"})))

    @pytest.mark.parametrize("missing", [{"network": False}, {"pause": False}])
    def test_a_created_container_starts_when_its_pod_is_ready(self, missing: dict[str, Any]) -> None:
        created = attempt(phase="created", started_at=None)
        assert "StartContainer" not in kinds(keep(seen(containers=(created,), **missing)))
        assert kinds(keep(seen(containers=(created,)))) == ["StartContainer"]

    def test_what_is_under_way_is_not_begun_again(self) -> None:
        sight = seen(busy=frozenset({"image:web"}))
        assert kinds(keep(sight)) == []

    def test_a_running_pod_is_left_alone(self) -> None:
        assert keep(seen(containers=(attempt(),))) == do.Plan()

    def test_a_lost_pause_is_run_again_and_containers_are_not_touched(self) -> None:
        assert kinds(keep(seen(pause=False, containers=(attempt(),)))) == ["RunPause"]


class TestHalfMade:
    HALF = attempt(number=1, phase="creating", started_at=None)

    def test_an_attempt_whose_making_was_cut_off_is_undone(self) -> None:
        assert kinds(keep(seen(images={"web": "sha256:1"}, containers=(self.HALF,)))) == ["DiscardContainer"]
        assert kinds(end(seen(ending=ENDING, containers=(self.HALF,)))) == ["DiscardContainer"]

    def test_it_is_left_alone_while_it_is_being_made(self) -> None:
        busy = frozenset({"container:web"})
        assert keep(seen(containers=(self.HALF,), busy=busy)) == do.Plan()
        assert end(seen(ending=ENDING, containers=(self.HALF,), busy=busy)) == do.Plan()


class TestRefusals:
    def test_what_the_world_refused_is_tried_again_after_a_wait(self) -> None:
        failure = Failure(action="EnsureImage image:web", count=1, at=195.0, reason="ErrImagePull", message="no")
        sight = seen(failures={failure.action: failure})
        assert keep(sight) == do.Plan(wake_at=205.0)
        assert kinds(keep(sight, now=205.0)) == ["EnsureImage"]

    def test_one_refusal_holds_back_only_what_it_concerns(self) -> None:
        failure = Failure(action="EnsureImage image:web", count=1, at=195.0, reason="ErrImagePull", message="no")
        sight = seen(pod("web", "side"), failures={failure.action: failure})
        assert [a.target for a in keep(sight).actions] == ["image:side"]


class TestRestart:
    def test_the_first_crash_is_restarted_at_once(self) -> None:
        sight = seen(containers=(ended(),), images={"web": "sha256:1"})
        (action,) = keep(sight).actions
        assert isinstance(action, do.CreateContainer)
        assert (action.attempt, action.backoff_s) == (1, 10.0)

    def test_the_second_crash_waits(self) -> None:
        sight = seen(containers=(ended(number=1, backoff_s=10.0, finished_at=195.0),), images={"web": "sha256:1"})
        assert keep(sight) == do.Plan(wake_at=205.0)
        assert kinds(keep(sight, now=205.0)) == ["CreateContainer"]

    def test_the_end_is_cleaned_before_the_next_attempt_is_made(self) -> None:
        assert kinds(keep(seen(containers=(ended(cleaned=False),)))) == ["CleanContainer"]

    @pytest.mark.parametrize(
        ("policy", "code", "restarts"),
        [
            ("Always", 0, True),
            ("Always", 1, True),
            ("OnFailure", 0, False),
            ("OnFailure", 1, True),
            ("Never", 0, False),
            ("Never", 1, False),
        ],
    )
    def test_restart_policy(self, policy: str, code: int, *, restarts: bool) -> None:
        sight = seen(pod(restartPolicy=policy), containers=(ended(exit_code=code),))
        assert ("EnsureImage" in kinds(keep(sight))) is restarts

    def test_a_finished_pod_gives_its_sandbox_back_and_then_rests(self) -> None:
        finished = pod(restartPolicy="Never")
        assert kinds(keep(seen(finished, containers=(ended(),)))) == ["TearDownSandbox"]
        gone = seen(finished, containers=(ended(),), namespaces=False, network=False, pause=False)
        assert keep(gone) == do.Plan()

    def test_a_finished_pod_keeps_its_sandbox_until_all_is_cleaned(self) -> None:
        finished = pod("web", "side", restartPolicy="Never")
        sight = seen(finished, containers=(ended(), ended("side", cleaned=False)))
        assert kinds(keep(sight)) == ["CleanContainer"]

    def test_only_one_ended_attempt_is_remembered(self) -> None:
        sight = seen(containers=(ended(), ended(number=1), attempt(number=2)))
        assert [(type(a).__name__, a.target) for a in keep(sight).actions] == [("ForgetContainer", "forget:web0")]

    def test_an_old_attempt_is_cleaned_before_it_is_forgotten(self) -> None:
        sight = seen(containers=(ended(number=0, cleaned=False), ended(number=1), attempt(number=2)))
        assert "ForgetContainer" not in kinds(keep(sight))


class TestEnding:
    def test_a_container_that_was_never_started_is_killed_once(self) -> None:
        created = attempt(phase="created", started_at=None)
        killed = attempt(phase="created", started_at=None, kill_sent=True)
        assert "KillContainer" in kinds(end(seen(containers=(created,), ending=ENDING)))
        assert "KillContainer" not in kinds(end(seen(containers=(killed,), ending=ENDING)))

    def test_a_removed_manifest_begins_the_end_with_the_pods_grace_period(self) -> None:
        (action,) = end(seen(pod(terminationGracePeriodSeconds=7))).actions
        assert isinstance(action, do.BeginEnding)
        assert action.grace_s == 7

    def test_a_changed_pod_ends_before_the_new_one_begins(self) -> None:
        assert kinds(plan_pod(pod(uid="u2"), seen(), NOW, RULE)) == ["BeginEnding"]

    def test_running_containers_are_asked_to_end_and_killed_when_the_grace_period_is_over(self) -> None:
        sight = seen(containers=(attempt(),), ending=ENDING)
        assert kinds(end(sight, now=151.0)) == ["StopContainer"]
        stopping = seen(containers=(attempt(stop_sent_at=151.0),), ending=ENDING)
        assert end(stopping, now=152.0) == do.Plan(wake_at=181.0)
        assert kinds(end(stopping, now=181.0)) == ["KillContainer"]
        killed = seen(containers=(attempt(stop_sent_at=151.0, kill_sent=True),), ending=ENDING)
        assert end(killed, now=182.0) == do.Plan()

    def test_no_grace_means_sigkill_at_once(self) -> None:
        sight = seen(containers=(attempt(),), ending=Ending(since=150.0, grace_s=0, reason="x"))
        assert kinds(end(sight, now=150.0)) == ["KillContainer"]

    def test_a_created_container_never_runs_once_its_pod_ends(self) -> None:
        sight = seen(containers=(attempt(phase="created", started_at=None),), ending=ENDING)
        assert kinds(end(sight)) == ["KillContainer"]

    def test_a_pull_that_nobody_waits_for_is_abandoned(self) -> None:
        sight = seen(busy=frozenset({"image:web"}), ending=ENDING)
        assert kinds(end(sight)) == ["Abandon"]

    def test_the_sandbox_goes_after_the_containers_and_the_record_last(self) -> None:
        assert kinds(end(seen(containers=(ended(cleaned=False),), ending=ENDING))) == ["CleanContainer"]
        assert kinds(end(seen(containers=(ended(),), ending=ENDING))) == ["TearDownSandbox"]
        bare = seen(containers=(ended(),), ending=ENDING, namespaces=False, network=False, pause=False)
        assert kinds(end(bare)) == ["ForgetPod"]

    def test_nothing_is_torn_down_while_something_is_under_way(self) -> None:
        assert end(seen(ending=ENDING, busy=frozenset({"container:web"}))) == do.Plan()

    def test_what_is_left_of_a_half_made_sandbox_is_taken_down(self) -> None:
        bare: dict[str, Any] = {"namespaces": False, "network": False, "pause": False}
        assert kinds(end(seen(ending=ENDING, remains=True, **bare))) == ["TearDownSandbox"]
        over = seen(pod(restartPolicy="Never"), containers=(ended(exit_code=0),), remains=True, **bare)
        assert kinds(keep(over)) == ["TearDownSandbox"]

    def test_an_end_once_begun_goes_on_when_the_manifest_comes_back(self) -> None:
        assert kinds(keep(seen(ending=ENDING))) == ["TearDownSandbox"]

    def test_a_changed_pod_that_keeps_its_own_uid_is_replaced_too(self) -> None:
        before, after = pod(), pod("web", "side")
        changed = after.model_copy(
            update={"metadata": after.metadata.model_copy(update={"annotations": {CONFIG_HASH: "2"}})}
        )
        assert kinds(plan_pod(changed, seen(before), NOW, RULE)) == ["BeginEnding"]
