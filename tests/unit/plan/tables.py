"""Holds each step of a history against the tables of stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hostpod.plan import actions as do
from hostpod.plan.observed import ObservedPod
from hostpod.plan.restarts import pod_ends
from hostpod.plan.stages import (
    POD_STAGES,
    STAGES,
    Happening,
    PodHappening,
    Stage,
    pod_stage_of,
    stage_of,
)

# What an action is to its container when it succeeds. An action that is not in here changes no stage.
OF_ACTIONS: Mapping[type, Sequence[Happening]] = {
    do.CreateContainer: ("making begins", "made"),
    do.StartContainer: ("started",),
    do.RunPostStart: ("postStart over",),
    do.BeginStopping: ("told to end",),
    do.StopContainer: ("stop signal",),
    do.KillContainer: ("SIGKILL",),
    do.DiscardContainer: ("making undone",),
    do.CleanContainer: ("freed",),
}
OF_POD_ACTIONS: Mapping[type, PodHappening] = {
    do.AdmitPod: "admitted",
    do.FailPod: "deadline",
    do.BeginEnding: "leaves",
    do.ForgetPod: "all of it gone",
    do.StartContainer: "containers begun",
}


def lead(stage: Stage, happenings: Sequence[Happening]) -> set[Stage]:
    """Where these lead, one after another."""
    stages = {stage}
    for happening in happenings:
        stages = {target for each in stages for target in STAGES.get((each, happening), (each,))}
    return stages


def heed_begin(before: ObservedPod | None, action: do.Action) -> None:
    """An action begins. None of them would leave its container where it is."""
    happenings = OF_ACTIONS.get(type(action), ())
    if before is not None and happenings:
        container = str(getattr(action, "container", ""))
        stage = stage_of(before.pod.spec.container(container), before)
        assert (stage, happenings[0]) in STAGES, f"{action} while {container} is {stage}"


def heed_end(before: ObservedPod | None, action: do.Action, after: ObservedPod | None) -> None:
    """An action succeeded, and the pod is as it is after it."""
    happenings = OF_ACTIONS.get(type(action), ())[-1:]
    heed_containers(before, {str(getattr(action, "container", "")): happenings}, after)
    heed_pod(before, (OF_POD_ACTIONS.get(type(action), "work over"),), after)


def heed_containers(
    before: ObservedPod | None, happenings: Mapping[str, Sequence[Happening]], after: ObservedPod | None
) -> None:
    """These happened to containers of a pod, by their names."""
    if before is None or after is None:
        return
    ends: Sequence[Happening] = ("pod ends",) if pod_ends(after) and not pod_ends(before) else ()
    for container in before.pod.spec.all_containers:
        was, now = stage_of(container, before), stage_of(container, after)
        happened = (*happenings.get(container.name, ()), *ends)
        assert now in lead(was, happened), f"{container.name} was {was} and is {now} after {happened}"


def heed_pod(before: ObservedPod | None, happenings: Sequence[PodHappening], after: ObservedPod | None) -> None:
    """One of these is all that may have changed the stage of the pod."""
    was, now = pod_stage_of(before), pod_stage_of(after)
    led = {was, *(target for each in happenings for target in POD_STAGES.get((was, each), ()))}
    assert now in led, f"the pod was {was} and is {now} after {happenings}"
