"""The tables of stages, over the product of all stages and all that may happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest

from hostpod.kube import Pod
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.observed import Ending, ObservedContainer, ObservedPod, Stopping, Verdict
from hostpod.plan.reconcile import plan_pod
from hostpod.plan.stages import (
    POD_STAGES,
    STAGES,
    Happening,
    PodHappening,
    PodStage,
    Stage,
    pod_stage_of,
    stage_of,
)
from tests.unit.plan.build import attempt, ended, pod, seen
from tests.unit.plan.tables import OF_ACTIONS, lead

HOOK = {"exec": {"command": ["true"]}}
HOOKS = {"lifecycle": {"postStart": HOOK, "preStop": HOOK}}
PROBES = {"startupProbe": HOOK, "livenessProbe": HOOK}


def _pod(**parts: object) -> Pod:
    return pod(containers=[{"name": "web", "image": "img", **parts}])


FULL, HOOKED, PROBED = _pod(**HOOKS, **PROBES), _pod(**HOOKS), _pod(**PROBES)
BARE = pod()
NEVER = pod(restartPolicy="Never")

STOPPING = Stopping(since=150.0, grace_s=30.0, reason="Container web failed liveness probe", then="restart")
ENDING = Ending(since=150.0, grace_s=30.0, reason="its manifest is gone")
HOOK_OVER: dict[str, Any] = {"post_started_at": 105.0}
UP: dict[str, Any] = HOOK_OVER | {"startup": True}


def sight(*attempts: ObservedContainer, of: Pod = FULL, ending: Ending | None = None) -> ObservedPod:
    return seen(of, containers=attempts, ending=ending, images={"web": "sha256:1"})


def made(**changes: Any) -> ObservedContainer:
    return attempt(started_at=None, **({"phase": "created"} | changes))


# Sights of every stage, also of those that differ in what follows.
SIGHTS: Mapping[Stage, tuple[ObservedPod, ...]] = {
    "absent": (sight(), sight(ending=ENDING)),
    "creating": (
        sight(made(phase="creating")),
        sight(made(phase="creating"), ending=ENDING),
        sight(ended(), made(id="web1", attempt=1, phase="creating")),
        sight(ended(), made(id="web1", attempt=1, phase="creating"), ending=ENDING),
    ),
    "created": (*(sight(made(), of=of) for of in (FULL, PROBED, BARE)), sight(made(), ending=ENDING)),
    "post-start": (sight(attempt()), sight(attempt(), of=HOOKED)),
    "starting": (sight(attempt(**HOOK_OVER)),),
    "running": (sight(attempt(**UP)), sight(attempt(), of=BARE)),
    "pre-stop": (
        sight(attempt(**UP, stopping=STOPPING)),
        sight(attempt(**UP), ending=ENDING),
        sight(attempt(**UP, pre_stopped_at=151.0), ending=ENDING),
        sight(attempt(), of=BARE, ending=replace(ENDING, grace_s=0.0)),
    ),
    "stopping": (
        sight(attempt(**UP, stopping=STOPPING, stop_sent_at=155.0)),
        sight(attempt(**UP, stop_sent_at=155.0), ending=ENDING),
    ),
    "killed": (
        sight(attempt(**UP, stop_sent_at=155.0, kill_sent=True), ending=ENDING),
        sight(made(kill_sent=True), ending=ENDING),
    ),
    "exited": (sight(ended(cleaned=False)), sight(ended(cleaned=False), of=NEVER)),
    "waiting": (sight(ended()), sight(ended(backoff_s=10.0))),
    "over": (sight(ended(), of=NEVER), sight(ended(), ending=ENDING)),
}


# What each happening changes of what is seen of the attempt.
CHANGES: Mapping[Happening, Mapping[str, Any]] = {
    "made": {"phase": "created"},
    "refused by runc": {"phase": "exited", "exit_code": 128, "finished_at": 160.0},
    "lost before its start": {"phase": "creating"},
    "started": {"phase": "running", "started_at": 101.0},
    "postStart over": {"post_started_at": 160.0},
    "startup probe passed": {"startup": True},
    "told to end": {"stopping": STOPPING},
    "stop signal": {"stop_sent_at": 160.0},
    "SIGKILL": {"kill_sent": True},
    "process ends": {"phase": "exited", "exit_code": 1, "finished_at": 160.0},
    "freed": {"cleaned": True},
}


def happen(to: ObservedPod, happening: Happening) -> ObservedPod | None:
    """What is seen afterwards; None where there is no attempt that it could happen to."""
    latest = to.latest("web")
    if happening == "pod ends":
        return replace(to, ending=to.ending or ENDING)
    if happening == "making begins":
        number = latest.attempt + 1 if latest else 0
        return _with(to, made(id=f"web{number}", attempt=number, phase="creating"))
    if latest is None:
        return None
    if happening == "making undone":
        return replace(to, containers=tuple(c for c in to.containers if c != latest))
    return _with(to, replace(latest, **CHANGES[happening]))


def _with(to: ObservedPod, changed: ObservedContainer) -> ObservedPod:
    return replace(to, containers=(*(c for c in to.containers if c.id != changed.id), changed))


def test_all_stages_have_sights() -> None:
    assert set(SIGHTS) == set(get_args(Stage))
    for stage, sights in SIGHTS.items():
        assert {stage_of(each.pod.spec.containers[0], each) for each in sights} == {stage}


# These may come in any stage. All else is done, or happens, only where the table has it: a process that is ends, say.
ANYTIME: tuple[Happening, ...] = ("pod ends", "startup probe passed")
PAIRS = [pair for pair in product(get_args(Stage), get_args(Happening)) if pair in STAGES or pair[1] in ANYTIME]


@pytest.mark.parametrize(("stage", "happening"), PAIRS)
def test_what_happens_leads_where_the_table_says_and_everywhere_it_says(stage: Stage, happening: Happening) -> None:
    after = [each for each in (happen(before, happening) for before in SIGHTS[stage]) if each is not None]
    led = {stage_of(each.pod.spec.containers[0], each) for each in after}
    assert led == lead(stage, (happening,)) or not after


@pytest.mark.parametrize("stage", get_args(Stage))
def test_the_plan_does_to_a_container_only_what_its_table_knows(stage: Stage) -> None:
    for before, now in product(SIGHTS[stage], (150.0, 170.0, 1000.0)):
        for action in plan_pod(before.pod, before, now, BackoffRule()).actions:
            happenings = OF_ACTIONS.get(type(action), ())
            assert not happenings or (stage, happenings[0]) in STAGES, f"{action} while it is {stage}"


def test_every_row_of_the_table_is_led_by_something() -> None:
    reached = {target for targets in STAGES.values() for target in targets}
    assert reached == set(get_args(Stage))
    assert {happening for _, happening in STAGES} == set(get_args(Happening))
    left = {stage for stage, _ in STAGES}
    assert set(get_args(Stage)) - left == {"over"}


DONE, FAILED = ended(exit_code=0), ended()
POD_SIGHTS: Mapping[PodStage, tuple[ObservedPod | None, ...]] = {
    "absent": (None,),
    "Pending": (sight(of=NEVER), sight(made(), of=NEVER)),
    "Running": (sight(attempt(), of=NEVER), sight(FAILED)),
    "Succeeded": (sight(DONE, of=NEVER),),
    "Failed": (sight(FAILED, of=NEVER), replace(sight(attempt()), verdict=Verdict(reason="r", message="m"))),
    "ending": (sight(attempt(), ending=ENDING), sight(DONE, of=NEVER, ending=ENDING)),
}


def happen_to_pod(to: ObservedPod | None, happening: PodHappening) -> list[ObservedPod | None]:
    """All that may be seen afterwards."""
    if to is None:
        return [sight(of=NEVER)]
    match happening:
        case "containers begun":
            return [replace(to, containers=(attempt(),))]
        case "work over":
            return [replace(to, pod=NEVER, containers=(end,)) for end in (DONE, FAILED)]
        case "deadline":
            return [replace(to, verdict=Verdict(reason="DeadlineExceeded", message="m"))]
        case "leaves":
            return [replace(to, ending=ENDING)]
        case _:
            return [None]


def test_all_stages_of_a_pod_have_sights() -> None:
    assert set(POD_SIGHTS) == set(get_args(PodStage))
    for stage, sights in POD_SIGHTS.items():
        assert {pod_stage_of(each) for each in sights} == {stage}


@pytest.mark.parametrize(("stage", "happening"), list(POD_STAGES))
def test_what_happens_to_a_pod_leads_everywhere_the_table_says(stage: PodStage, happening: PodHappening) -> None:
    led = {pod_stage_of(each) for before in POD_SIGHTS[stage] for each in happen_to_pod(before, happening)}
    assert led >= set(POD_STAGES[stage, happening])


def test_a_pod_that_has_ended_stays_so_until_it_leaves() -> None:
    for stage in ("Succeeded", "Failed"):
        assert [happening for was, happening in POD_STAGES if was == stage] == ["leaves"]
    assert {target for targets in POD_STAGES.values() for target in targets} == set(get_args(PodStage))
