"""What would become of a pod if its manifest were another, and why. Pure.

It is read off the plan itself: what `plan_pod` would do first, and after a change in place next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from hostpod.kube import Pod
from hostpod.kube.annotations import CONFIG_HASH
from hostpod.plan.actions import (
    BeginEnding,
    BeginStopping,
    EnsureImage,
    FailPod,
    ResizeContainer,
    UpdatePod,
)
from hostpod.plan.admission import Refusal
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.change import NONE, change_of, content_of
from hostpod.plan.leaving import Leave
from hostpod.plan.observed import ObservedPod
from hostpod.plan.ordering import Waiting
from hostpod.plan.reconcile import plan_pod
from hostpod.plan.restarts import work_over

Outcome = Literal["none", "start", "wait", "change", "replace", "end", "refuse"]

BESIDE = "the new version starts beside the old one, and takes its place when it is ready"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prospect:
    """What would become of one pod: that, why, and what follows for its containers.

    `before` is the pod that is on the host, `after` the one that is wished; None where there is none. `file` has the
    one that is wished, else it had the other.
    """

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    before: Pod | None = None
    after: Pod | None = None
    file: str = ""


def prospect_of(
    desired: Pod | None,
    seen: ObservedPod | None,
    now: float,
    rule: BackoffRule,
    *,
    waiting: Waiting | None = None,
    leave: Leave | None = None,
) -> Prospect:
    """Of a pod that is taken as it is wished (None: it is not wished). `waiting` is what a new one waits for."""
    if seen is None:
        return _of_a_new_one(desired, waiting, leave)
    settled = replace(seen, busy=frozenset(), failures={})
    if seen.ending is not None:
        outcome: Outcome = "end" if desired is None or leave else "replace"
        found = Prospect(outcome=outcome, reasons=(f"it ends already: {seen.ending.reason}",))
    else:
        found = _of_one_here(desired, settled, now, rule, leave)
    if found.outcome == "replace" and waiting is not None:
        found = replace(found, steps=(*found.steps, waiting.message))
    return replace(found, before=seen.pod, after=desired)


def refused(desired: Pod, seen: ObservedPod | None, refusal: Refusal, *, goes_on: bool) -> Prospect:
    """Of a pod that is not taken as it is wished; what is there of it goes on as it was, or ends."""
    steps: tuple[str, ...] = ()
    if seen is not None:
        steps = ("it goes on as it was" if goes_on else "what runs of it ends",)
    return Prospect(
        outcome="refuse",
        reasons=(f"{refusal.reason}: {refusal.message}",),
        steps=steps,
        before=seen.pod if seen else None,
        after=desired,
    )


def replaced_when_ready(old: Pod, desired: Pod) -> Prospect:
    """Of a pod that goes on until a new version of it, which is or will be beside it, is ready."""
    because = ", ".join(change_of(old, desired).because)
    return Prospect(outcome="replace", reasons=(because,), steps=(BESIDE,), before=old, after=desired)


def manifest_of(pod: Pod) -> dict[str, Any]:
    """The pod as a manifest says it, with its defaults: no status, and no mark of its source."""
    content = content_of(pod)
    identity = {"name": pod.name, "namespace": pod.namespace}
    if pod.uid and pod.uid != pod.metadata.annotations.get(CONFIG_HASH):
        identity["uid"] = pod.uid
    told = {kind: each for kind, each in content["metadata"].items() if each}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**identity, **told}, "spec": content["spec"]}


def _of_a_new_one(desired: Pod | None, waiting: Waiting | None, leave: Leave | None) -> Prospect:
    if desired is None:
        return Prospect(outcome="none")
    why = leave.reason if leave else waiting.message if waiting else ""
    if why:
        return Prospect(outcome="wait", reasons=(why,), after=desired)
    return Prospect(outcome="start", reasons=("it is not here yet",), after=desired)


def _of_one_here(
    desired: Pod | None, seen: ObservedPod, now: float, rule: BackoffRule, leave: Leave | None
) -> Prospect:
    actions = plan_pod(desired, seen, now, rule, leave=leave).actions
    match actions[:1]:
        case (BeginEnding(reason=reason),):
            return _replaced(desired, seen) or Prospect(outcome="end", reasons=(reason,))
        case (UpdatePod(pod=pod),):
            because = change_of(seen.pod, pod).because or ("another file has it",)
            steps = tuple(_steps(_once_updated(seen, pod), now, rule, leave))
            return Prospect(outcome="change", reasons=because, steps=steps)
        case _:
            return Prospect(outcome="none")


def _replaced(desired: Pod | None, seen: ObservedPod) -> Prospect | None:
    """Of one that ends; None where it does so for good."""
    over = work_over(seen)
    change = change_of(seen.pod, desired, finished=over is not None) if desired is not None else NONE
    if change.kind != "replace":
        return None
    anew = () if over is None else (f"it begins anew ({over.reason})",)
    return Prospect(outcome="replace", reasons=change.because, steps=anew)


def _once_updated(seen: ObservedPod, pod: Pod) -> ObservedPod:
    """The pod after the change of its record alone: of another image nothing is here yet."""
    before = {each.name: each.image for each in seen.pod.spec.all_containers}
    same = {each.name for each in pod.spec.all_containers if each.image == before.get(each.name)}
    return replace(seen, pod=pod, images={name: each for name, each in seen.images.items() if name in same})


def _steps(seen: ObservedPod, now: float, rule: BackoffRule, leave: Leave | None) -> Iterator[str]:
    """What follows at once for what runs."""
    for action in plan_pod(seen.pod, seen, now, rule, leave=leave).actions:
        match action:
            case BeginStopping(reason=reason) | BeginEnding(reason=reason) | FailPod(reason=reason):
                yield reason
            case EnsureImage(container=name, reason=reason) if _runs(seen, name):
                yield reason
            case ResizeContainer(container=name):
                yield f"Container {name} goes on with other resources"
            case _:
                pass


def _runs(seen: ObservedPod, container: str) -> bool:
    latest = seen.latest(container)
    return latest is not None and latest.phase == "running"
