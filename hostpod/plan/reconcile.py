"""The decision what to do for one pod now. Pure: the same wish, sight and time give the same plan.

`plan_pod` looks only at what is there, never at how it came about, so a restarted daemon that sees the same pod goes
on with the same plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hostpod.kube import Container, Pod
from hostpod.plan.actions import (
    AbandonPull,
    Action,
    AdmitPod,
    AttachNetwork,
    BeginEnding,
    CleanContainer,
    CreateContainer,
    EnsureImage,
    ForgetContainer,
    ForgetPod,
    KillContainer,
    PinNamespaces,
    Plan,
    PrepareVolumes,
    RunPause,
    StartContainer,
    StopContainer,
    TearDownSandbox,
)
from hostpod.plan.backoff import BackoffRule, next_backoff_s, restart_wait_s, retry_at
from hostpod.plan.observed import Ending, ObservedContainer, ObservedPod, image_target


@dataclass(frozen=True, kw_only=True, slots=True)
class LookAgain:
    """Nothing to do before `at` (wall seconds)."""

    at: float


Step = Action | LookAgain


def plan_pod(desired: Pod | None, seen: ObservedPod | None, now: float, rule: BackoffRule) -> Plan:
    """What brings the pod on the host nearer to the wish.

    `desired` is the newest wish (None: no such pod), `seen` the pod that is on the host (None: nothing of it). A pod
    whose uid is not the wished one ends before the wished one is admitted.
    """
    if seen is None:
        return Plan(actions=(AdmitPod(pod=desired, reason="its manifest is there"),) if desired else ())
    if seen.ending is not None:
        return _plan(_end(seen, seen.ending, now), seen)
    if desired is None or (desired.metadata.uid or "") != seen.uid:
        return _plan(_begin_ending(desired, seen), seen)
    return _plan(_keep(seen, now, rule), seen)


def _plan(steps: Iterator[Step], seen: ObservedPod) -> Plan:
    found = tuple(steps)
    return Plan(
        actions=tuple(s for s in found if not isinstance(s, LookAgain) and s.target not in seen.busy),
        wake_at=min((s.at for s in found if isinstance(s, LookAgain)), default=None),
    )


def _begin_ending(desired: Pod | None, seen: ObservedPod) -> Iterator[Step]:
    reason = "its manifest is gone" if desired is None else "its manifest has changed"
    yield BeginEnding(grace_s=_grace_s(seen.pod), reason=reason)


def _grace_s(pod: Pod) -> float:
    grace_s = pod.spec.termination_grace_period_seconds
    return 30.0 if grace_s is None else float(grace_s)


# Ending a pod


def _end(seen: ObservedPod, ending: Ending, now: float) -> Iterator[Step]:
    for container in seen.pod.spec.containers:
        if image_target(container.name) in seen.busy:
            yield AbandonPull(container=container.name, reason=ending.reason)
    for attempt in seen.containers:
        yield from _end_container(attempt, ending, now)
    if seen.busy or not all(attempt.cleaned for attempt in seen.containers):
        return
    if seen.sandboxed:
        yield TearDownSandbox(reason=ending.reason)
    else:
        yield ForgetPod(reason=ending.reason)


def _end_container(attempt: ObservedContainer, ending: Ending, now: float) -> Iterator[Step]:
    match attempt.phase:
        case "exited":
            yield from _clean(attempt)
        case "created":
            if not attempt.kill_sent:
                yield KillContainer(container=attempt.name, id=attempt.id, reason=ending.reason)
        case "running":
            yield from _stop(attempt, ending, now)
        case "creating":
            pass  # its creation is under way, or was cut off: the observer tells which


def _stop(attempt: ObservedContainer, ending: Ending, now: float) -> Iterator[Step]:
    deadline = (attempt.stop_sent_at or ending.since) + ending.grace_s
    if attempt.kill_sent:
        return
    if ending.grace_s <= 0 or now >= deadline:
        yield KillContainer(container=attempt.name, id=attempt.id, reason="its grace period is over")
        return
    if attempt.stop_sent_at is None:
        yield StopContainer(
            container=attempt.name, id=attempt.id, signal=attempt.stop_signal, reason=ending.reason
        )
    yield LookAgain(at=deadline)


def _clean(attempt: ObservedContainer) -> Iterator[Step]:
    if not attempt.cleaned:
        yield CleanContainer(container=attempt.name, id=attempt.id, reason="it has ended")


# Keeping a pod


def _keep(seen: ObservedPod, now: float, rule: BackoffRule) -> Iterator[Step]:
    for attempt in seen.containers:
        if attempt.phase == "exited":
            yield from _clean(attempt)
    yield from _forget_old(seen)
    if is_finished(seen):
        if seen.sandboxed and not seen.busy and all(attempt.cleaned for attempt in seen.containers):
            yield TearDownSandbox(reason="all its containers have ended")
        return
    yield from _keep_sandbox(seen, now, rule)
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


def _keep_sandbox(seen: ObservedPod, now: float, rule: BackoffRule) -> Iterator[Step]:
    wanted: list[Action] = []
    if not seen.namespaces:
        wanted.append(PinNamespaces(reason="the pod has no namespaces"))
    if not seen.volumes:
        wanted.append(PrepareVolumes(reason="the pod's volumes are not prepared"))
    if seen.namespaces and not seen.network:
        wanted.append(AttachNetwork(reason="the pod is not on the network"))
    if seen.namespaces and not seen.pause:
        wanted.append(RunPause(reason="no pause process runs"))
    for action in wanted:
        yield from _unless_backing_off(action, seen, now, rule)


def _keep_container(container: Container, seen: ObservedPod, now: float, rule: BackoffRule) -> Iterator[Step]:
    latest = seen.latest(container.name)
    if latest is None:
        yield from _make(container, seen, 0, 0.0, now, rule)
    elif latest.phase == "created" and seen.network and seen.pause:
        start = StartContainer(container=container.name, id=latest.id, reason="it is created and its pod is ready")
        yield from _unless_backing_off(start, seen, now, rule)
    elif latest.phase == "exited" and will_restart(seen.pod, latest):
        at = (latest.finished_at or now) + restart_wait_s(latest, rule)
        if now < at:
            yield LookAgain(at=at)
        elif latest.cleaned:
            yield from _make(container, seen, latest.attempt + 1, next_backoff_s(latest, rule), now, rule)


def _make(
    container: Container, seen: ObservedPod, attempt: int, backoff_s: float, now: float, rule: BackoffRule
) -> Iterator[Step]:
    reason = "it was never started" if attempt == 0 else "it ended and is restarted by its policy"
    if container.name not in seen.images:
        ensure = EnsureImage(container=container.name, reason=reason)
        yield from _unless_backing_off(ensure, seen, now, rule)
    elif seen.namespaces and seen.volumes and (seen.pause or not seen.pod.spec.share_process_namespace):
        create = CreateContainer(container=container.name, attempt=attempt, backoff_s=backoff_s, reason=reason)
        yield from _unless_backing_off(create, seen, now, rule)


def _unless_backing_off(action: Action, seen: ObservedPod, now: float, rule: BackoffRule) -> Iterator[Step]:
    failure = seen.failures.get(action.target)
    at = retry_at(failure, rule) if failure else now
    if now >= at:
        yield action
    else:
        yield LookAgain(at=at)
