"""The decision what to do for one pod now. Pure: the same wish, sight and time give the same plan.

`plan_pod` looks only at what is there, never at how it came about, so a restarted daemon that sees the same pod goes
on with the same plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from hostpod.kube import Container, Pod
from hostpod.kube.annotations import CONFIG_HASH
from hostpod.plan.actions import (
    AbandonPull,
    Action,
    AdmitPod,
    AttachNetwork,
    BeginEnding,
    CleanContainer,
    CreateContainer,
    DiscardContainer,
    EnsureImage,
    ForgetContainer,
    ForgetPod,
    KillContainer,
    MakeNamespaces,
    Plan,
    PrepareVolumes,
    RunPause,
    StartContainer,
    StopContainer,
    TearDownSandbox,
)
from hostpod.plan.backoff import BackoffRule, next_backoff_s, restart_wait_s, retry_at
from hostpod.plan.leaving import Leave, grace_of
from hostpod.plan.observed import Ending, Failure, ObservedContainer, ObservedPod, image_target


@dataclass(frozen=True, kw_only=True, slots=True)
class LookAgain:
    """Nothing to do before `at` (wall seconds)."""

    at: float


Step = Action | LookAgain


def plan_pod(
    desired: Pod | None,
    seen: ObservedPod | None,
    now: float,
    rule: BackoffRule,
    refused: Failure | None = None,
    *,
    leave: Leave | None = None,
) -> Plan:
    """What brings the pod on the host nearer to the wish.

    `desired` is the newest wish (None: no such pod), `seen` the pod that is on the host (None: nothing of it; `refused`
    then tells that its admission failed). A pod whose uid is not the wished one ends before the wished one is admitted.
    With `leave` the pod ends whatever is wished, and none is admitted.
    """
    if seen is None:
        admission = (AdmitPod(pod=desired, reason="its manifest is there"),) if desired and not leave else ()
        return _plan(iter(admission), frozenset(), {f.action: f for f in (refused,) if f}, now, rule)
    return _plan(_steps(desired, seen, now, rule, leave), seen.busy, seen.failures, now, rule)


def _steps(
    desired: Pod | None, seen: ObservedPod, now: float, rule: BackoffRule, leave: Leave | None
) -> Iterator[Step]:
    until = leave.until if leave else math.inf
    grace_s = max(0.0, min(grace_of(seen.pod), until - now))
    if seen.ending is not None:
        return _end(seen, seen.ending, now, until)
    if desired is None or not _is_same(desired, seen.pod):
        return _begin_ending("its manifest is gone" if desired is None else "its manifest has changed", grace_s)
    if leave and (leave.finished_too or not is_finished(seen)):
        return _begin_ending(leave.reason, grace_s)
    return _keep(seen, now, rule)


def _is_same(desired: Pod, admitted: Pod) -> bool:
    """By uid and content: a manifest may bring a uid of its own and keep it over changes."""
    hashes = {pod.metadata.annotations.get(CONFIG_HASH) for pod in (desired, admitted)}
    return desired.uid == admitted.uid and len(hashes) == 1


def _plan(
    steps: Iterator[Step], busy: frozenset[str], failures: Mapping[str, Failure], now: float, rule: BackoffRule
) -> Plan:
    """The steps that can be taken now. What the world refused waits for its back-off, what is under way for its end."""
    actions: list[Action] = []
    times: list[float] = []
    for step in steps:
        at = step.at if isinstance(step, LookAgain) else _due(failures.get(step.key), rule)
        if isinstance(step, LookAgain) or at > now:
            times.append(at)
        elif step.target not in busy:
            actions.append(step)
    return Plan(actions=tuple(actions), wake_at=min(times, default=None))


def _due(failure: Failure | None, rule: BackoffRule) -> float:
    return retry_at(failure, rule) if failure else 0.0


def _begin_ending(reason: str, grace_s: float) -> Iterator[Step]:
    yield BeginEnding(grace_s=grace_s, reason=reason)


# Ending a pod


def _end(seen: ObservedPod, ending: Ending, now: float, until: float) -> Iterator[Step]:
    for container in seen.pod.spec.containers:
        if image_target(container.name) in seen.busy:
            yield AbandonPull(container=container.name, reason=ending.reason)
    for attempt in seen.containers:
        yield from _end_container(attempt, ending, now, until)
    if seen.busy or not all(attempt.cleaned for attempt in seen.containers):
        return
    if seen.sandboxed:
        yield TearDownSandbox(reason=ending.reason)
    else:
        yield ForgetPod(reason=ending.reason)


def _end_container(attempt: ObservedContainer, ending: Ending, now: float, until: float) -> Iterator[Step]:
    match attempt.phase:
        case "exited":
            yield from _clean(attempt)
        case "created":
            if not attempt.kill_sent:
                yield KillContainer(container=attempt.name, id=attempt.id, reason=ending.reason)
        case "running":
            yield from _stop(attempt, ending, now, until)
        case "creating":
            yield _discard(attempt)
        case phase:
            assert_never(phase)


def _stop(attempt: ObservedContainer, ending: Ending, now: float, until: float) -> Iterator[Step]:
    deadline = min((attempt.stop_sent_at or ending.since) + ending.grace_s, until)
    if attempt.kill_sent:
        return
    if ending.grace_s <= 0 or now >= deadline:
        yield KillContainer(container=attempt.name, id=attempt.id, reason="its grace period is over")
        return
    if attempt.stop_sent_at is None:
        yield StopContainer(container=attempt.name, id=attempt.id, signal=attempt.stop_signal, reason=ending.reason)
    yield LookAgain(at=deadline)


def _discard(attempt: ObservedContainer) -> Step:
    # While it is being made its target is busy, and then this step is left out.
    return DiscardContainer(container=attempt.name, id=attempt.id, reason="its making was cut off")


def _clean(attempt: ObservedContainer) -> Iterator[Step]:
    if not attempt.cleaned:
        yield CleanContainer(container=attempt.name, id=attempt.id, reason="it has ended")


# Keeping a pod


def _keep(seen: ObservedPod, now: float, rule: BackoffRule) -> Iterator[Step]:
    for attempt in seen.containers:
        if attempt.phase == "creating":
            yield _discard(attempt)
        elif attempt.phase == "exited":
            yield from _clean(attempt)
    yield from _forget_old(seen)
    if is_finished(seen):
        if seen.sandboxed and not seen.busy and all(attempt.cleaned for attempt in seen.containers):
            yield TearDownSandbox(reason="all its containers have ended")
        return
    yield from _keep_sandbox(seen)
    for container in seen.pod.spec.containers:
        yield from _keep_container(container, seen, now, rule)


def _forget_old(seen: ObservedPod) -> Iterator[Step]:
    """One ended attempt of each container is kept beside the newest, for lastState and `logs --previous`."""
    for container in seen.pod.spec.containers:
        attempts = sorted((c for c in seen.containers if c.name == container.name), key=lambda c: c.attempt)
        for old in attempts[:-2]:
            if old.cleaned:
                yield ForgetContainer(container=old.name, id=old.id, reason="a newer attempt has ended")


def will_restart(pod: Pod, ended: ObservedContainer) -> bool:
    """Whether restartPolicy wants another attempt after this end."""
    match pod.spec.restart_policy:
        case "Never":
            return False
        case "OnFailure":
            return ended.exit_code != 0
        case _:
            return True


def is_finished(seen: ObservedPod) -> bool:
    """Whether every container has ended for good."""
    latest = [seen.latest(container.name) for container in seen.pod.spec.containers]
    return all(c is not None and c.phase == "exited" and not will_restart(seen.pod, c) for c in latest)


def _keep_sandbox(seen: ObservedPod) -> Iterator[Step]:
    if not seen.namespaces:
        yield MakeNamespaces(reason="the pod has no namespaces")
    if not seen.volumes:
        yield PrepareVolumes(reason="the pod's volumes are not prepared")
    if seen.namespaces and not seen.network:
        yield AttachNetwork(reason="the pod is not on the network")
    if seen.namespaces and not seen.pause:
        yield RunPause(reason="no pause process runs")


def _keep_container(container: Container, seen: ObservedPod, now: float, rule: BackoffRule) -> Iterator[Step]:
    latest = seen.latest(container.name)
    if latest is None:
        yield from _make(container, seen, 0, 0.0)
    elif latest.phase == "created" and seen.network and seen.pause:
        yield StartContainer(container=container.name, id=latest.id, reason="it is created and its pod is ready")
    elif latest.phase == "exited" and will_restart(seen.pod, latest):
        at = (latest.finished_at or now) + restart_wait_s(latest, rule)
        if now < at:
            yield LookAgain(at=at)
        elif latest.cleaned:
            yield from _make(container, seen, latest.attempt + 1, next_backoff_s(latest, rule))


def _make(container: Container, seen: ObservedPod, attempt: int, backoff_s: float) -> Iterator[Step]:
    reason = "it was never started" if attempt == 0 else "it ended and is restarted by its policy"
    if container.name not in seen.images:
        yield EnsureImage(container=container.name, reason=reason)
    elif seen.namespaces and seen.volumes and (seen.pause or not seen.pod.spec.share_process_namespace):
        yield CreateContainer(container=container.name, attempt=attempt, backoff_s=backoff_s, reason=reason)
