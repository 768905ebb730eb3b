"""For any order of wishes, ends, probe results and refusals the plan comes to rest, and at rest the host is as wished.

`make test-long` tries many more histories (HOSTPOD_HISTORIES).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostpod.kube import Pod
from hostpod.plan.observed import ObservedContainer, Unhealthy
from hostpod.plan.order import may_run
from hostpod.plan.restarts import will_restart, work_over
from tests.unit.plan.build import pod
from tests.unit.plan.ideal_host import IdealHost

HISTORIES = int(os.environ.get("HOSTPOD_HISTORIES", "150"))

Happening = Callable[[IdealHost], None]

POLICIES = st.sampled_from(["Always", "OnFailure", "Never"])
PROBE = {"exec": {"command": ["true"]}, "terminationGracePeriodSeconds": 5}
HOOK = {"exec": {"command": ["true"]}}
RULE = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}

PARTS = st.fixed_dictionaries(
    {},
    optional={
        "lifecycle": st.sampled_from([{"postStart": HOOK}, {"preStop": HOOK}, {"postStart": HOOK, "preStop": HOOK}]),
        "startupProbe": st.just(PROBE),
        "livenessProbe": st.just(PROBE),
        "restartPolicy": POLICIES,
    },
)
RULED = PARTS.flatmap(
    lambda parts: st.just(parts | {"restartPolicyRules": [RULE]}) if "restartPolicy" in parts else st.just(parts)
)
SIDECAR = PARTS.map(lambda parts: parts | {"restartPolicy": "Always"})
INIT = st.fixed_dictionaries({}, optional={"restartPolicy": st.sampled_from(["OnFailure", "Never"])})


def _named(kind: str, containers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": f"{kind}{number}", "image": "img", **parts} for number, parts in enumerate(containers)]


@st.composite
def _pods(draw: st.DrawFn) -> Pod:
    """A pod whose uid tells its content, as the uids of static pods do."""
    spec: dict[str, Any] = {
        "containers": _named("main", draw(st.lists(RULED, min_size=1, max_size=2))),
        "initContainers": _named("init", draw(st.lists(st.one_of(SIDECAR, INIT), max_size=3))),
        "restartPolicy": draw(POLICIES),
        "shareProcessNamespace": draw(st.booleans()),
        "terminationGracePeriodSeconds": draw(st.sampled_from([0, 1, 30])),
        "activeDeadlineSeconds": draw(st.sampled_from([None, None, None, 400])),
    }
    return pod(uid=f"{hash(str(spec)):x}", **spec)


PODS = _pods()


def _running(host: IdealHost) -> list[ObservedContainer]:
    return [c for c in host.attempts() if c.phase == "running"]


def _end_one(chosen: tuple[int, int]) -> Happening:
    which, code = chosen

    def act(host: IdealHost) -> None:
        running = _running(host)
        if running:
            host.exit(running[which % len(running)].id, code)

    return act


def _probe_one(chosen: tuple[int, dict[str, Any]]) -> Happening:
    which, result = chosen

    def act(host: IdealHost) -> None:
        running = _running(host)
        if running:
            host.probed(running[which % len(running)].id, **result)

    return act


def _step(chosen: tuple[int, bool]) -> Happening:
    which, refused = chosen

    def act(host: IdealHost) -> None:
        actions = host.plan().actions
        if actions and host.seen is not None and refused:
            host.refuse(actions[which % len(actions)])
        elif actions:
            host.apply(actions[which % len(actions)])

    return act


def _wish(value: object) -> Happening:
    def act(host: IdealHost) -> None:
        host.wish = value  # type: ignore[assignment]

    return act


def _wait(seconds: float) -> Happening:
    def act(host: IdealHost) -> None:
        host.now += seconds

    return act


WHICH = st.integers(min_value=0, max_value=5)
RESULTS: list[dict[str, Any]] = [
    {"startup": True},
    {"ready": True},
    {"ready": False},
    {"unhealthy": Unhealthy(probe="liveness")},
    {"unhealthy": Unhealthy(probe="startup")},
]
HAPPENINGS = st.lists(
    st.one_of(
        PODS.map(_wish),
        st.just(_wish(None)),
        st.tuples(WHICH, st.sampled_from([0, 1, 42, 137])).map(_end_one),
        st.tuples(WHICH, st.sampled_from(RESULTS)).map(_probe_one),
        st.tuples(WHICH, st.booleans()).map(_step),
        st.tuples(WHICH, st.just(False)).map(_step),
        st.sampled_from([0.1, 5.0, 700.0]).map(_wait),
        st.just(IdealHost.settle),
    ),
    max_size=40,
)


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HAPPENINGS)
def test_whatever_happens_the_plan_comes_to_rest_at_the_wish(happenings: list[Happening]) -> None:
    host = IdealHost()
    for happening in happenings:
        happening(host)
    host.settle()
    if host.wish is None:
        assert host.seen is None
    else:
        _assert_as_wished(host, host.wish)


def _assert_as_wished(host: IdealHost, wish: Pod) -> None:
    seen = host.seen
    assert seen is not None
    assert seen.pod.metadata.uid == wish.metadata.uid
    assert seen.ending is None
    if work_over(seen) is not None:
        assert all(attempt.cleaned for attempt in seen.containers)
        assert not seen.sandboxed
        return
    turn = may_run(seen)
    for container in wish.spec.all_containers:
        latest = seen.latest(container.name)
        if latest is None or latest.phase != "running":
            ended = latest is not None and latest.phase == "exited" and not will_restart(wish, latest)
            assert ended or container not in turn
        assert len([c for c in host.attempts() if c.name == container.name]) <= 2


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PODS, HAPPENINGS)
def test_a_pod_that_is_not_wished_any_more_goes_whatever_state_it_is_in(wish: Pod, happenings: list[Happening]) -> None:
    host = IdealHost()
    host.wish = wish
    for happening in happenings:
        happening(host)
    host.wish = None
    started = len(host.started)
    host.settle()
    assert host.seen is None
    assert len(host.started) == started


def test_an_endless_crash_is_restarted_ever_more_slowly() -> None:
    host = IdealHost()
    host.wish = pod()
    times = []
    for _ in range(9):
        host.settle()
        times.append(host.now)
        (running,) = _running(host)
        host.exit(running.id, 1)
    assert [later - earlier for earlier, later in pairwise(times)] == [
        0, 10, 20, 40, 80, 160, 300, 300
    ]  # fmt: skip
