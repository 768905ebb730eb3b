from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.kube.priority import CRITICAL, priority_of
from hostpod.plan.actions import BeginEnding, KillContainer
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.leaving import (
    Farewell,
    Leave,
    Leaving,
    Staying,
    grace_of,
    longest_s,
    plan_leaving,
)
from hostpod.plan.observed import Ending
from hostpod.plan.reconcile import plan_pod
from tests.unit.plan.build import attempt, ended, pod, seen

SHUTDOWN = Farewell(reason="the host shuts down", total_s=30, critical_s=10, slack_s=2)
UNHURRIED = Farewell(reason="hostpod drain")
RULE = BackoffRule()


def staying(key: str, grace_s: float = 30, priority: int = 0) -> Staying:
    return Staying(key=key, priority=priority, grace_s=grace_s)


def leave(until: float, *, finished_too: bool = False) -> Leave:
    return Leave(reason="the host shuts down", until=until, waited_until=until + 2, finished_too=finished_too)


def waves(pods: list[Staying], farewell: Farewell) -> list[tuple[float, dict[str, float]]]:
    """When each wave began, and the grace of each pod in it, on a host whose pods take all the time they are given."""
    now, told = 0.0, []
    while True:
        plan = plan_leaving(pods, farewell, since=0.0, now=now)
        if plan.leaves:
            by_key = {each.key: each for each in pods}
            told.append((now, {key: min(by_key[key].grace_s, left.until - now) for key, left in plan.leaves.items()}))
            pods = [replace(each, leave=plan.leaves.get(each.key, each.leave)) for each in pods]
        if plan.wake_at is None:
            return told
        now = plan.wake_at


def test_where_there_is_time_each_wave_has_its_own_grace_in_order_of_priority() -> None:
    pods = [staying("b", 5, 10), staying("a", 3), staying("c", 1, CRITICAL), staying("d", 2)]
    assert waves(pods, UNHURRIED) == [(0, {"a": 3, "d": 2}), (33, {"b": 5}), (68, {"c": 1})]


def test_critical_pods_end_last_and_have_the_time_that_is_kept_for_them() -> None:
    pods = [staying("critical", 60, CRITICAL), staying("web", 60)]
    assert waves(pods, SHUTDOWN) == [(0, {"web": 20}), (20, {"critical": 10})]
    gone_early = plan_leaving(pods[:1], SHUTDOWN, since=0, now=3)
    assert gone_early.leaves["critical"].until == 13


def test_time_is_kept_for_critical_pods_only_where_there_are_some() -> None:
    assert waves([staying("web", 60)], SHUTDOWN) == [(0, {"web": 30})]
    assert waves([staying("web", 60)], replace(SHUTDOWN, total_s=10)) == [(0, {"web": 10})]


def test_a_short_time_is_shared_and_what_one_does_not_need_the_others_have() -> None:
    hurried = Farewell(reason="r", total_s=20, slack_s=0)
    pods = [staying("a", 60), staying("b", 4, 1), staying("c", 3600, 2)]
    assert waves(pods, hurried) == [(0, {"a": 8}), (8, {"b": 4}), (12, {"c": 8})]


def test_the_next_wave_waits_for_the_one_before() -> None:
    first = plan_leaving([staying("a", 3), staying("b", 3, 1)], SHUTDOWN, since=0, now=0)
    assert list(first.leaves) == ["a"]
    assert first.wake_at == 5
    still = [replace(staying("a", 3), leave=first.leaves["a"]), staying("b", 3, 1)]
    assert plan_leaving(still, SHUTDOWN, since=0, now=4) == Leaving(wake_at=5)
    assert list(plan_leaving(still, SHUTDOWN, since=0, now=5).leaves) == ["b"]
    assert list(plan_leaving(still[1:], SHUTDOWN, since=0, now=1).leaves) == ["b"]


def test_when_nobody_stays_or_nobody_is_waited_for_it_is_over() -> None:
    assert plan_leaving([], SHUTDOWN, since=0, now=0) == Leaving()
    stuck = replace(staying("a"), leave=leave(20))
    assert plan_leaving([stuck], SHUTDOWN, since=0, now=30) == Leaving()


def test_a_time_that_is_over_is_sigkill_at_once() -> None:
    (late,) = plan_leaving([staying("a")], SHUTDOWN, since=0, now=100).leaves.values()
    assert (late.until, late.waited_until) == (100, 100)


@given(
    st.lists(
        st.builds(
            staying,
            st.uuids().map(str),
            st.floats(0, 4000),
            st.sampled_from([-5, 0, 7, 1000, CRITICAL, CRITICAL + 1000]),
        ),
        max_size=12,
    ),
    st.floats(0, 100),
    st.floats(0, 120),
)
def test_all_are_asked_once_in_order_and_within_the_time(
    pods: list[Staying], total_s: float, critical_s: float
) -> None:
    told = waves(pods, Farewell(reason="r", total_s=total_s, critical_s=critical_s, slack_s=1))
    priorities = {each.key: each.priority for each in pods}
    asked = [key for _, wave in told for key in wave]
    assert sorted(asked) == sorted(priorities)
    assert [priorities[key] for key in asked] == sorted(priorities.values())
    for began, wave in told:
        for grace_s in wave.values():
            assert grace_s >= 0
            assert began + grace_s <= total_s + 1e-6


def test_how_long_it_takes_at_most() -> None:
    pods = [staying("b", 5, 10), staying("a", 3), staying("d", 2)]
    assert longest_s(pods, UNHURRIED) == 33 + 35
    assert longest_s(pods, Farewell(reason="r", total_s=7)) == 7
    assert longest_s([], UNHURRIED) == 0


def test_priority_and_grace_of_a_pod() -> None:
    assert (priority_of(pod()), grace_of(pod())) == (0, 30)
    assert grace_of(pod(terminationGracePeriodSeconds=0)) == 0
    assert priority_of(pod(priority=5, priorityClassName="system-node-critical")) == 5
    assert priority_of(pod(priorityClassName="system-cluster-critical")) == CRITICAL
    assert priority_of(pod(priorityClassName="system-node-critical")) == CRITICAL + 1000
    assert priority_of(pod(priorityClassName="mine")) == 0


# What one pod does that is to leave


def test_a_pod_that_is_to_leave_ends_with_what_is_left_of_its_grace() -> None:
    of = pod(terminationGracePeriodSeconds=60)
    plan = plan_pod(of, seen(of, containers=(attempt(),)), 200.0, RULE, leave=leave(220.0))
    assert plan.actions == (BeginEnding(grace_s=20.0, reason="the host shuts down"),)
    unhurried = plan_pod(of, seen(of, containers=(attempt(),)), 200.0, RULE, leave=leave(math.inf))
    assert unhurried.actions == (BeginEnding(grace_s=60.0, reason="the host shuts down"),)


def test_a_pod_that_ends_already_has_no_more_time_than_that() -> None:
    ending = Ending(since=100, grace_s=3600, reason="its manifest is gone")
    asked = attempt(stop_sent_at=100.0)
    assert plan_pod(None, seen(ending=ending, containers=(asked,)), 110.0, RULE, leave=leave(120.0)).wake_at == 120
    (kill,) = plan_pod(None, seen(ending=ending, containers=(asked,)), 120.0, RULE, leave=leave(120.0)).actions
    assert isinstance(kill, KillContainer)


def test_none_is_admitted_that_would_have_to_leave() -> None:
    assert plan_pod(pod(), None, 200.0, RULE, leave=leave(220.0)).actions == ()


@pytest.mark.parametrize(("finished_too", "actions"), [(False, 0), (True, 1)])
def test_a_pod_that_is_done_for_good_stays_as_it_is(finished_too: bool, actions: int) -> None:
    of = pod(restartPolicy="Never")
    done = seen(of, containers=(ended(exit_code=0),), namespaces=False, network=False, pause=False)
    plan = plan_pod(of, done, 200.0, RULE, leave=leave(220.0, finished_too=finished_too))
    assert len(plan.actions) == actions
