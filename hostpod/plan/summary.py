"""All pods in one line: how many stand how. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from hostpod.plan.backoff import BackoffRule, restart_wait_s
from hostpod.plan.observed import ObservedContainer, ObservedPod
from hostpod.plan.restarts import comes_again, is_finished
from hostpod.plan.status import phase

Standing = Literal["running", "starting", "backing off", "ending", "completed", "failed"]


def standing(seen: ObservedPod, now: float, rule: BackoffRule) -> Standing:
    """How a pod stands, by what an operator would want to know first."""
    if is_finished(seen) or seen.verdict:
        return "completed" if phase(seen) == "Succeeded" else "failed"
    if seen.ending is not None:
        return "ending"
    if _backs_off(seen, now, rule):
        return "backing off"
    return "running" if phase(seen) == "Running" else "starting"


def _backs_off(seen: ObservedPod, now: float, rule: BackoffRule) -> bool:
    refused = any(failure.action.partition(" ")[2] not in seen.busy for failure in seen.failures.values())
    latest = (seen.latest(container.name) for container in seen.pod.spec.all_containers)
    return refused or any(_waits(each, seen, now, rule) for each in latest if each is not None)


def _waits(latest: ObservedContainer, seen: ObservedPod, now: float, rule: BackoffRule) -> bool:
    if latest.phase != "exited" or not comes_again(seen, latest):
        return False
    return now < (latest.finished_at or now) + restart_wait_s(latest, rule)


def summary(pods: Mapping[Standing, int], *, broken_manifests: int, pulls: int = 0) -> str:
    """`12 pods running, 1 backing off, pulling 2 images; 1 manifest broken`."""
    parts = [(pods[each], each) for each in get_args(Standing) if pods.get(each)]
    words = [f"{count} {each}" for count, each in parts]
    if parts:
        count, each = parts[0]
        words[0] = f"{count} {'pod' if count == 1 else 'pods'} {each}"
    if pulls:
        words.append(f"pulling {pulls} {'image' if pulls == 1 else 'images'}")
    line = ", ".join(words if parts else ["no pods", *words])
    if not broken_manifests:
        return line
    return f"{line}; {broken_manifests} {'manifest' if broken_manifests == 1 else 'manifests'} broken"
