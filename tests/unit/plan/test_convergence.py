"""For any order of wishes, ends, probe results, refusals and daemon restarts the plan comes to rest at what is wished.

On the way no container is started twice, none is started of a pod that ends, and nothing is done to a pod that is gone:
the host refuses to. `make test-long` tries many more histories (HOSTPOD_HISTORIES).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostpod.kube import Pod, to_json
from hostpod.kube.annotations import CONFIG_HASH
from hostpod.plan.actions import Action
from hostpod.plan.change import resources_of
from hostpod.plan.observed import ObservedContainer, Unhealthy
from hostpod.plan.order import may_run
from hostpod.plan.restarts import will_restart, work_over
from tests.unit.plan.build import pod
from tests.unit.plan.ideal_host import AtRestart, IdealHost

# Every history has an end; how long thousands of them take is the machine's affair.
pytestmark = pytest.mark.timeout(0)

HISTORIES = int(os.environ.get("HOSTPOD_HISTORIES", "150"))

Happening = Callable[[IdealHost], None]
Take = Callable[[IdealHost, Action], None]

POLICIES = st.sampled_from(["Always", "OnFailure", "Never"])
OWN_UID = "own"
PROBE = {"exec": {"command": ["true"]}, "terminationGracePeriodSeconds": 5}
HOOK = {"exec": {"command": ["true"]}}
RULE = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}

PARTS = st.fixed_dictionaries(
    {},
    optional={
        "volumeMounts": st.just([{"name": "tools", "mountPath": "/tools"}]),
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
    """A pod whose uid tells its content, as the uids of static pods do, or one that its manifest gives a uid."""
    spec: dict[str, Any] = {
        "containers": _named("main", draw(st.lists(RULED, min_size=1, max_size=2))),
        "initContainers": _named("init", draw(st.lists(st.one_of(SIDECAR, INIT), max_size=3))),
        "volumes": [{"name": "tools", "image": {"reference": "img"}}],
        "restartPolicy": draw(POLICIES),
        "shareProcessNamespace": draw(st.booleans()),
        "terminationGracePeriodSeconds": draw(st.sampled_from([0, 1, 30])),
        "activeDeadlineSeconds": draw(st.sampled_from([None, None, None, 400])),
    }
    return _marked(spec, has_uid=draw(st.booleans()))


def _marked(spec: dict[str, Any], *, has_uid: bool) -> Pod:
    content = f"{hash(str(spec)):x}"
    made = pod(uid=OWN_UID if has_uid else content, **spec)
    metadata = made.metadata.model_copy(update={"annotations": {CONFIG_HASH: content}})
    return made.model_copy(update={"metadata": metadata})


PODS = _pods()


def _running(host: IdealHost) -> list[ObservedContainer]:
    return [c for c in host.attempts() if c.phase == "running"]


def _end_one(chosen: tuple[int, int]) -> Happening:
    which, code = chosen

    def act(host: IdealHost) -> None:
        alive = host.alive()
        if alive:
            host.exit(alive[which % len(alive)].id, code)

    return act


def _probe_one(chosen: tuple[int, dict[str, Any]]) -> Happening:
    which, result = chosen

    def act(host: IdealHost) -> None:
        running = _running(host)
        if running:
            host.probed(running[which % len(running)].id, **result)

    return act


def _step(chosen: tuple[int, Take]) -> Happening:
    which, take = chosen

    def act(host: IdealHost) -> None:
        actions = host.plan().actions
        if actions:
            take(host, actions[which % len(actions)])

    return act


def _rounds(chosen: tuple[int, Take]) -> Happening:
    """The plan is followed for so many rounds; of the last one everything is only begun, or refused."""
    count, last = chosen

    def act(host: IdealHost) -> None:
        for take in (*[IdealHost.apply] * count, last):
            for action in host.plan().actions:
                take(host, action)

    return act


def _finish(chosen: tuple[int, bool]) -> Happening:
    which, refused = chosen

    def act(host: IdealHost) -> None:
        targets = sorted(host.under_way)
        if targets:
            host.finish(targets[which % len(targets)], refused=refused)

    return act


def _restart(waiting: AtRestart) -> Happening:
    def act(host: IdealHost) -> None:
        host.restart(waiting)

    return act


def _wish(value: object) -> Happening:
    def act(host: IdealHost) -> None:
        host.wish = value  # type: ignore[assignment]

    return act


def _edit(chosen: tuple[int, dict[str, Any]]) -> Happening:
    """A container of the manifest is another: some edits change the pod in place, others replace it."""
    which, fields = chosen

    def act(host: IdealHost) -> None:
        if host.wish is None:
            return
        spec = to_json(host.wish)["spec"]
        containers = [*spec.get("initContainers", ()), *spec["containers"]]
        containers[which % len(containers)].update(fields)
        host.wish = _marked(spec, has_uid=host.wish.uid == OWN_UID)

    return act


def _wait(seconds: float) -> Happening:
    def act(host: IdealHost) -> None:
        host.now += seconds

    return act


TAKES = st.sampled_from([IdealHost.apply, IdealHost.refuse, IdealHost.begin, IdealHost.cannot_run])
AT_RESTART: tuple[AtRestart, ...] = get_args(AtRestart)
WHICH = st.integers(min_value=0, max_value=5)
RESULTS: list[dict[str, Any]] = [
    {"startup": True},
    {"ready": True},
    {"ready": False},
    {"unhealthy": Unhealthy(probe="liveness")},
    {"unhealthy": Unhealthy(probe="startup")},
]
EDITS: list[dict[str, Any]] = [
    {"image": "other"},
    {"image": "img"},
    {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}},
    {"resources": {"limits": {"cpu": "2", "memory": "1Gi"}}},
    {"resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]},
    {"command": ["other"]},
]
HAPPENINGS = st.lists(
    st.one_of(
        PODS.map(_wish),
        st.just(_wish(None)),
        st.tuples(WHICH, st.sampled_from(EDITS)).map(_edit),
        st.tuples(WHICH, st.sampled_from([0, 1, 42, 137])).map(_end_one),
        st.tuples(WHICH, st.sampled_from(RESULTS)).map(_probe_one),
        st.just(IdealHost.pause_ends),
        st.tuples(WHICH, TAKES).map(_step),
        st.tuples(WHICH, TAKES).map(_rounds),
        st.tuples(WHICH, TAKES).map(_rounds),
        st.tuples(WHICH, st.booleans()).map(_finish),
        st.sampled_from(AT_RESTART).map(_restart),
        st.sampled_from([0.1, 5.0, 700.0]).map(_wait),
        st.just(IdealHost.settle),
    ),
    max_size=40,
)


@settings(max_examples=HISTORIES, suppress_health_check=[HealthCheck.too_slow])
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
    assert seen.pod.spec == wish.spec
    assert seen.pod.metadata.annotations == wish.metadata.annotations
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
        else:
            assert (latest.image, latest.resources) == (container.image, resources_of(container))
        assert len([c for c in host.attempts() if c.name == container.name]) <= 2


@settings(max_examples=HISTORIES, suppress_health_check=[HealthCheck.too_slow])
@given(PODS, HAPPENINGS)
def test_a_pod_that_is_not_wished_any_more_goes_whatever_state_it_is_in(wish: Pod, happenings: list[Happening]) -> None:
    host = IdealHost()
    host.wish = wish
    for happening in happenings:
        happening(host)
    host.wish = None
    starting = host.starting()
    host.settle()
    assert host.seen is None
    assert host.starting() <= starting


@settings(max_examples=HISTORIES, suppress_health_check=[HealthCheck.too_slow])
@given(PODS, HAPPENINGS, st.sampled_from(AT_RESTART))
def test_at_rest_a_restart_of_the_daemon_begins_and_ends_nothing(
    wish: Pod, happenings: list[Happening], waiting: AtRestart
) -> None:
    host = IdealHost()
    for happening in happenings:
        happening(host)
    host.wish = wish
    host.settle()
    before, started = host.attempts(), len(host.started)
    host.restart(waiting)
    host.settle()
    assert (host.attempts(), len(host.started)) == (before, started)


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
