"""The decision what to do for one pod now. Pure: the same wish, sight and time give the same plan.

`plan_pod` looks only at what is there, never at how it came about, so a restarted daemon that sees the same pod goes
on with the same plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from hostpod.kube import Container, Pod
from hostpod.plan.actions import (
    Action,
    AdmitPod,
    AttachNetwork,
    BeginEnding,
    BeginStopping,
    CreateContainer,
    EnsureImage,
    EnsureVolumeImage,
    FailPod,
    ForgetContainer,
    ForgetPod,
    MakeNamespaces,
    Plan,
    PrepareVolumes,
    ResizeContainer,
    RunPause,
    RunPostStart,
    StartContainer,
    TearDownSandbox,
    UpdatePod,
)
from hostpod.plan.backoff import BackoffRule, next_backoff_s, restart_wait_s, retry_at
from hostpod.plan.change import change_of, resources_of, restarts_for_resize, updated
from hostpod.plan.ending import Halt, LookAgain, Step, discard, halt_container, halt_pod, tidy
from hostpod.plan.image_volumes import has_volume_images, image_volumes
from hostpod.plan.leaving import Leave, grace_of
from hostpod.plan.observed import Ending, Failure, ObservedContainer, ObservedPod, Stopping, Verdict
from hostpod.plan.order import hook_is_over, may_run
from hostpod.plan.restarts import is_finished, restart_policy, will_restart, work_over

DEADLINE_EXCEEDED = "DeadlineExceeded"


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
    if desired is None:
        return _begin_ending("its manifest is gone", grace_s)
    change = change_of(seen.pod, desired, finished=work_over(seen) is not None)
    if change.kind == "replace":
        return _begin_ending(f"its manifest has changed: {', '.join(change.because)}", grace_s)
    if leave and (leave.finished_too or not is_finished(seen)):
        return _begin_ending(leave.reason, grace_s)
    if change.kind == "in place":
        return iter((UpdatePod(pod=updated(seen.pod, desired), reason=f"changed: {', '.join(change.because)}"),))
    return _keep(seen, now, rule)


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
    halt = Halt(since=ending.since, grace_s=ending.grace_s, reason=ending.reason, until=until)
    yield from halt_pod(seen, halt, now)
    if seen.busy or not all(attempt.cleaned for attempt in seen.containers):
        return
    if seen.sandboxed:
        yield TearDownSandbox(reason=ending.reason)
    else:
        yield ForgetPod(reason=ending.reason)


# Keeping a pod


def _keep(seen: ObservedPod, now: float, rule: BackoffRule) -> Iterator[Step]:
    yield from _forget_old(seen)
    over = work_over(seen)
    if over is not None:
        yield from halt_pod(seen, Halt(since=over.since, grace_s=over.grace_s, reason=over.reason), now)
        if seen.sandboxed and not seen.busy and all(attempt.cleaned for attempt in seen.containers):
            yield TearDownSandbox(reason=over.reason)
        return
    at = _deadline(seen)
    if at is not None and now >= at:
        yield _deadline_exceeded(seen, now)
        return
    if at is not None:
        yield LookAgain(at=at)
    for attempt in seen.containers:
        if attempt.phase == "creating":
            yield discard(attempt)
        elif attempt.phase == "exited":
            yield from tidy(attempt, seen)
    yield from _keep_sandbox(seen, now)
    turn = may_run(seen)
    for container in seen.pod.spec.all_containers:
        yield from _keep_container(container, seen, now, rule, its_turn=container in turn)


def _forget_old(seen: ObservedPod) -> Iterator[Step]:
    """One ended attempt of each container is kept beside the newest, for lastState and `logs --previous`."""
    for container in seen.pod.spec.all_containers:
        attempts = sorted((c for c in seen.containers if c.name == container.name), key=lambda c: c.attempt)
        for old in attempts[:-2]:
            if old.cleaned:
                yield ForgetContainer(container=old.name, id=old.id, reason="a newer attempt has ended")


def _deadline(seen: ObservedPod) -> float | None:
    allowed_s = seen.pod.spec.active_deadline_seconds
    return None if allowed_s is None else seen.admitted_at + allowed_s


def _deadline_exceeded(seen: ObservedPod, now: float) -> FailPod:
    message = "Pod was active on the node longer than the specified deadline"  # the kubelet's words
    verdict = Verdict(reason=DEADLINE_EXCEEDED, message=message, since=now, grace_s=grace_of(seen.pod))
    return FailPod(verdict=verdict, reason="activeDeadlineSeconds are over")


def _keep_sandbox(seen: ObservedPod, now: float) -> Iterator[Step]:
    if not seen.namespaces:
        yield MakeNamespaces(reason="the pod has no namespaces")
    if not seen.volumes:
        yield PrepareVolumes(reason="the pod's volumes are not prepared")
    elif seen.stale:
        yield PrepareVolumes(reason="what volumes show may have changed")
    elif seen.renew_at is not None and now >= seen.renew_at:
        yield PrepareVolumes(reason="a token has to be renewed")
    elif seen.renew_at is not None:
        yield LookAgain(at=seen.renew_at)
    for volume in image_volumes(seen.pod):
        if volume not in seen.volume_images:
            yield EnsureVolumeImage(volume=volume, reason="the image of a volume is not mounted")
    if seen.namespaces and not seen.network:
        yield AttachNetwork(reason="the pod is not on the network")
    if seen.namespaces and not seen.pause:
        yield RunPause(reason="no pause process runs")


def _keep_container(
    container: Container, seen: ObservedPod, now: float, rule: BackoffRule, *, its_turn: bool
) -> Iterator[Step]:
    latest = seen.latest(container.name)
    if latest is None:
        yield from _make(container, seen, 0, 0.0, its_turn=its_turn)
    elif latest.phase == "created" and seen.network and seen.pause:
        yield StartContainer(container=container.name, id=latest.id, reason="it is created and its pod is ready")
    elif latest.phase == "running":
        yield from _keep_running(container, latest, seen, now)
    elif latest.phase == "exited" and its_turn and will_restart(seen.pod, latest):
        at = (latest.finished_at or now) + restart_wait_s(latest, rule)
        if now < at:
            yield LookAgain(at=at)
        elif latest.cleaned:
            yield from _make(container, seen, latest.attempt + 1, next_backoff_s(latest, rule), its_turn=True)


def _keep_running(container: Container, running: ObservedContainer, seen: ObservedPod, now: float) -> Iterator[Step]:
    grace_s = grace_of(seen.pod)
    if running.stopping is not None:
        halt = Halt(since=running.stopping.since, grace_s=running.stopping.grace_s, reason=running.stopping.reason)
        yield from halt_container(seen, running, halt, now)
    elif running.unhealthy is not None:
        stopping = _unhealthy(container, running.unhealthy.probe, seen, now)
        yield BeginStopping(container=container.name, id=running.id, stopping=stopping, reason=stopping.reason)
    else:
        if not hook_is_over(container, running):
            yield RunPostStart(container=container.name, id=running.id, grace_s=grace_s, reason="it has been started")
        yield from _adapt(container, running, seen, now)


def _adapt(container: Container, running: ObservedContainer, seen: ObservedPod, now: float) -> Iterator[Step]:
    """What a change of its pod asks of a running container."""
    if container.image not in (None, running.image):
        yield from _renew(container, running, seen, now, "definition changed")
    elif running.resources not in ("", resources_of(container)):
        if restarts_for_resize(container, running.resources):
            yield from _renew(container, running, seen, now, "resize requires restart")
        else:
            yield ResizeContainer(container=container.name, id=running.id, reason="its resources have changed")


def _renew(container: Container, running: ObservedContainer, seen: ObservedPod, now: float, why: str) -> Iterator[Step]:
    """Another attempt takes the place of a running one. Its image comes first: what cannot be pulled ends nothing."""
    reason = f"Container {container.name} {why}, will be restarted"
    if container.name not in seen.images:
        yield EnsureImage(container=container.name, reason=reason)
        return
    stopping = Stopping(since=now, grace_s=grace_of(seen.pod), reason=reason, then="afresh")
    yield BeginStopping(container=container.name, id=running.id, stopping=stopping, reason=reason)


def _unhealthy(container: Container, kind: str, seen: ObservedPod, now: float) -> Stopping:
    """The kubelet's words; a probe may bring a grace period of its own."""
    probe = container.startup_probe if kind == "startup" else container.liveness_probe
    own_s = probe.termination_grace_period_seconds if probe else None
    again = restart_policy(seen.pod, container) != "Never"
    return Stopping(
        since=now,
        grace_s=grace_of(seen.pod) if own_s is None else float(own_s),
        reason=f"Container {container.name} failed {kind} probe" + (", will be restarted" if again else ""),
        then="restart" if again else "policy",
    )


def _make(container: Container, seen: ObservedPod, attempt: int, backoff_s: float, *, its_turn: bool) -> Iterator[Step]:
    """Images come before it is the container's turn."""
    reason = "it was never started" if attempt == 0 else "it ended and is restarted by its policy"
    if container.name not in seen.images:
        yield EnsureImage(container=container.name, reason=reason)
    elif its_turn and _has_sandbox(seen) and has_volume_images(container, seen):
        yield CreateContainer(container=container.name, attempt=attempt, backoff_s=backoff_s, reason=reason)


def _has_sandbox(seen: ObservedPod) -> bool:
    """Whether there is what a container is made in."""
    return seen.namespaces and seen.volumes and (seen.pause or not seen.pod.spec.share_process_namespace)
