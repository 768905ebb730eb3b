from __future__ import annotations

from typing import Any

import pytest

from hostpod.plan.observed import Stopping, Verdict
from hostpod.plan.restarts import is_finished, will_restart, work_over
from tests.unit.plan.build import attempt, ended, pod, seen


def container(**changes: Any) -> list[dict[str, Any]]:
    return [{"name": "web", "image": "img", **changes}]


def rule(operator: str, *codes: int) -> dict[str, Any]:
    return {"action": "Restart", "exitCodes": {"operator": operator, "values": list(codes)}}


INIT = {"name": "first", "image": "img"}
SIDECAR = {"name": "side", "image": "img", "restartPolicy": "Always"}


class TestWillRestart:
    @pytest.mark.parametrize(
        ("of_pod", "own", "code", "again"),
        [
            ("Always", None, 0, True),
            ("Always", "Never", 1, False),
            ("Always", "OnFailure", 0, False),
            ("Never", "OnFailure", 1, True),
            ("Never", "Always", 0, True),
            ("OnFailure", None, 0, False),
            ("OnFailure", None, 137, True),
        ],
    )
    def test_a_policy_of_its_own_comes_before_that_of_the_pod(
        self, of_pod: str, own: str | None, code: int, *, again: bool
    ) -> None:
        of = pod(containers=container(restartPolicy=own), restartPolicy=of_pod)
        assert will_restart(of, ended(exit_code=code)) is again

    @pytest.mark.parametrize(
        ("rules", "code", "again"),
        [
            ([rule("In", 42, 43)], 42, True),
            ([rule("In", 42, 43)], 1, False),
            ([rule("NotIn", 1, 2)], 42, True),
            ([rule("NotIn", 1, 2)], 2, False),
            ([rule("In", 5), rule("In", 6)], 6, True),
            ([{"action": "Restart"}], 1, False),
        ],
    )
    def test_rules_come_before_the_policy(self, rules: list[dict[str, Any]], code: int, *, again: bool) -> None:
        of = pod(containers=container(restartPolicy="Never", restartPolicyRules=rules))
        assert will_restart(of, ended(exit_code=code)) is again

    def test_an_init_container_that_did_its_work_is_done(self) -> None:
        of = pod(initContainers=[INIT], restartPolicy="Always")
        assert not will_restart(of, ended("first", exit_code=0))
        assert will_restart(of, ended("first", exit_code=1))

    def test_a_sidecar_comes_again_whatever_the_pods_policy(self) -> None:
        of = pod(initContainers=[SIDECAR], restartPolicy="Never")
        assert will_restart(of, ended("side", exit_code=0))

    def test_what_was_stopped_to_be_restarted_is(self) -> None:
        stopping = Stopping(since=105.0, grace_s=1.0, reason="r", then="restart")
        assert will_restart(pod(restartPolicy="Never"), ended(exit_code=0, stopping=stopping))


class TestOver:
    def test_while_a_container_runs_or_comes_again_it_is_not(self) -> None:
        assert work_over(seen(containers=(attempt(),))) is None
        assert work_over(seen(containers=(ended(),))) is None

    def test_when_all_containers_have_ended_for_good_sidecars_have_to_end(self) -> None:
        of = pod(initContainers=[SIDECAR], restartPolicy="Never", terminationGracePeriodSeconds=7)
        sight = seen(of, containers=(attempt("side"), ended(finished_at=150.0)))
        over = work_over(sight)
        assert over is not None
        assert (over.since, over.grace_s) == (150.0, 7.0)
        assert not is_finished(sight)

    def test_an_init_container_that_failed_for_good_ends_the_pod(self) -> None:
        of = pod(initContainers=[INIT], restartPolicy="Never")
        assert is_finished(seen(of, containers=(ended("first"),)))
        assert work_over(seen(of, containers=(ended("first", exit_code=0),))) is None

    def test_a_verdict_ends_the_pod_whatever_its_policy(self) -> None:
        verdict = Verdict(reason="DeadlineExceeded", message="m", since=180.0, grace_s=3.0)
        over = work_over(seen(containers=(attempt(),), verdict=verdict))
        assert over is not None
        assert (over.since, over.grace_s) == (180.0, 3.0)
