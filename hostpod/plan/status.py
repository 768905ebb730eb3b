"""What people are told of a pod: phase, conditions and container states as the kubelet shows them. Pure.

Every time in a status is derived from what the pod's records tell, so a restarted daemon shows the same status.
"""

from __future__ import annotations

from datetime import UTC, datetime

from hostpod.kube import (
    Container,
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    HostIP,
    PodCondition,
    PodIP,
    PodStatus,
    VolumeMountStatus,
)
from hostpod.plan.actions import CreateContainer, EnsureImage, StartContainer
from hostpod.plan.backoff import BackoffRule, restart_wait_s
from hostpod.plan.observed import Failure, ObservedContainer, ObservedPod, action_key, container_target, image_target
from hostpod.plan.reconcile import is_finished, will_restart

RUNTIME = "hostpod"


def timestamp(seconds: float) -> str:
    """Wall seconds as metav1.Time prints them: RFC 3339, UTC, whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod_status(seen: ObservedPod, *, now: float, rule: BackoffRule, host_ip: str | None, qos_class: str) -> PodStatus:
    """The v1 PodStatus of a pod on this host."""
    statuses = tuple(_container_status(c, seen, now, rule) for c in seen.pod.spec.containers)
    ip = host_ip if seen.pod.spec.host_network else seen.ip
    ips = (ip,) if ip else ()
    return PodStatus(
        phase=phase(seen),
        reason=seen.verdict.reason if seen.verdict else None,
        message=seen.verdict.message if seen.verdict else None,
        conditions=conditions(seen, statuses),
        host_ip=host_ip,
        host_ips=(HostIP(ip=host_ip),) if host_ip else (),
        pod_ip=ip,
        pod_ips=tuple(PodIP(ip=ip) for ip in ips),
        start_time=timestamp(seen.admitted_at),
        container_statuses=statuses,
        qos_class=qos_class,
    )


def phase(seen: ObservedPod) -> str:
    """Pending, Running, Succeeded or Failed, by the kubelet's rules."""
    if seen.verdict:
        return "Failed"
    latest = [seen.latest(container.name) for container in seen.pod.spec.containers]
    if is_finished(seen):
        return "Succeeded" if all(c is not None and c.exit_code == 0 for c in latest) else "Failed"
    if any(c is None or (c.attempt == 0 and c.phase in ("creating", "created")) for c in latest):
        return "Pending"
    return "Running"


# Conditions


def conditions(seen: ObservedPod, statuses: tuple[ContainerStatus, ...]) -> tuple[PodCondition, ...]:
    """The five conditions, in the kubelet's order."""
    unready = [s.name for s in statuses if not s.ready]
    terminal = phase(seen) if is_finished(seen) or seen.verdict else None
    changed = _readiness_changed_at(seen)
    return (
        _condition(
            "PodReadyToStartContainers", holds=seen.network and seen.pause, at=seen.sandbox_at or seen.admitted_at
        ),
        _condition(
            "Initialized", holds=True, at=seen.admitted_at, reason="PodCompleted" if terminal == "Succeeded" else None
        ),
        _ready("Ready", unready, terminal, changed),
        _ready("ContainersReady", unready, terminal, changed),
        _condition("PodScheduled", holds=True, at=seen.admitted_at),
    )


def _ready(kind: str, unready: list[str], terminal: str | None, at: float) -> PodCondition:
    if not unready:
        return _condition(kind, holds=True, at=at)
    if terminal is not None:
        reason = "PodCompleted" if terminal == "Succeeded" else "PodFailed"
        return _condition(kind, holds=False, at=at, reason=reason)
    message = f"containers with unready status: [{' '.join(unready)}]"
    return _condition(kind, holds=False, at=at, reason="ContainersNotReady", message=message)


def _condition(
    kind: str, *, holds: bool, at: float, reason: str | None = None, message: str | None = None
) -> PodCondition:
    return PodCondition(
        type=kind,
        status="True" if holds else "False",
        last_transition_time=timestamp(at),
        reason=reason,
        message=message,
    )


def _readiness_changed_at(seen: ObservedPod) -> float:
    latest = [seen.latest(container.name) for container in seen.pod.spec.containers]
    ended = [c.finished_at for c in latest if c is not None and c.phase == "exited" and c.finished_at is not None]
    started = [c.started_at for c in latest if c is not None and c.started_at is not None]
    return max(ended or started or [seen.admitted_at])


# Containers


def _container_status(container: Container, seen: ObservedPod, now: float, rule: BackoffRule) -> ContainerStatus:
    latest, previous = seen.latest(container.name), seen.previous(container.name)
    state = _state(container, latest, seen, now, rule)
    last = latest if latest is not None and latest.phase == "exited" and state.terminated is None else previous
    running = state.running is not None
    return ContainerStatus(
        name=container.name,
        state=state,
        last_state=ContainerState(terminated=_terminated(last)) if last is not None else ContainerState(),
        ready=running,
        started=running,
        restart_count=latest.attempt if latest is not None else 0,
        image=latest.image if latest is not None else container.image or "",
        image_id=latest.image_id if latest is not None else "",
        container_id=f"{RUNTIME}://{latest.id}" if latest is not None else None,
        resources=container.resources,
        volume_mounts=tuple(
            VolumeMountStatus(name=m.name, mount_path=m.mount_path, read_only=m.read_only)
            for m in container.volume_mounts
        ),
    )


def _state(
    container: Container, latest: ObservedContainer | None, seen: ObservedPod, now: float, rule: BackoffRule
) -> ContainerState:
    if latest is not None and latest.phase == "running":
        running = ContainerStateRunning(started_at=timestamp(latest.started_at or latest.created_at))
        return ContainerState(running=running)
    ended = latest if latest is not None and latest.phase == "exited" else None
    if ended is not None and (seen.ending is not None or seen.verdict or not will_restart(seen.pod, ended)):
        return ContainerState(terminated=_terminated(ended))
    refused = _refused(container, seen)
    if refused is not None:
        return ContainerState(waiting=refused)
    if ended is None:
        return ContainerState(waiting=ContainerStateWaiting(reason="ContainerCreating"))
    wait_s = restart_wait_s(ended, rule)
    if wait_s and now < (ended.finished_at or now) + wait_s:
        return ContainerState(waiting=_crash_loop(ended, seen, wait_s))
    return ContainerState(terminated=_terminated(ended))


def _crash_loop(ended: ObservedContainer, seen: ObservedPod, wait_s: float) -> ContainerStateWaiting:
    meta = seen.pod.metadata
    who = f"container={ended.name} pod={meta.name}_{meta.namespace}({meta.uid})"
    return ContainerStateWaiting(
        reason="CrashLoopBackOff", message=f"back-off {duration(wait_s)} restarting failed {who}"
    )


def duration(seconds: float) -> str:
    """Seconds as Go prints a duration: 250ms, 10s, 2m40s, 1h0m0s."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours}h{minutes}m{rest:g}s"
    return f"{minutes}m{rest:g}s" if minutes else f"{rest:g}s"


def _refused(container: Container, seen: ObservedPod) -> ContainerStateWaiting | None:
    for kind, target in (
        (StartContainer, container_target(container.name)),
        (CreateContainer, container_target(container.name)),
        (EnsureImage, image_target(container.name)),
    ):
        failure = seen.failures.get(action_key(kind, target))
        if failure is not None:
            backs_off = failure.reason == "ErrImagePull" and target not in seen.busy
            return _pull_backoff(container, failure) if backs_off else _as_it_is(failure)
    return None


def _as_it_is(failure: Failure) -> ContainerStateWaiting:
    return ContainerStateWaiting(reason=failure.reason, message=failure.message)


def _pull_backoff(container: Container, failure: Failure) -> ContainerStateWaiting:
    message = f'Back-off pulling image "{container.image}": {failure.reason}: {failure.message}'
    return ContainerStateWaiting(reason="ImagePullBackOff", message=message)


def _terminated(ended: ObservedContainer) -> ContainerStateTerminated:
    return ContainerStateTerminated(
        exit_code=ended.exit_code if ended.exit_code is not None else 255,
        reason=ended.reason or ("Completed" if ended.exit_code == 0 else "Error"),
        message=ended.message or None,
        started_at=timestamp(ended.started_at) if ended.started_at is not None else None,
        finished_at=timestamp(ended.finished_at) if ended.finished_at is not None else None,
        container_id=f"{RUNTIME}://{ended.id}",
    )
