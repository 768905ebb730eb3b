"""What people are told of a pod: phase, conditions and container states as the kubelet shows them. Pure.

Every time in a status is derived from what the pod's records tell, so a restarted daemon shows the same status.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hostpod.kube import ContainerStatus, HostIP, PodCondition, PodIP, PodStatus
from hostpod.kube.pod_resources import has_whole, whole
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.container_status import container_status, is_ready
from hostpod.plan.observed import ObservedContainer, ObservedPod
from hostpod.plan.order import is_initialized, is_through
from hostpod.plan.restarts import is_finished, is_init
from hostpod.plan.timestamp import timestamp


def pod_status(
    seen: ObservedPod, *, now: float, rule: BackoffRule, host_ips: Sequence[str], qos_class: str
) -> PodStatus:
    """The v1 PodStatus of a pod on this host."""
    inits = tuple(container_status(c, seen, now, rule) for c in seen.pod.spec.init_containers)
    mains = tuple(container_status(c, seen, now, rule) for c in seen.pod.spec.containers)
    ips = tuple(host_ips) if seen.pod.spec.host_network else seen.ips
    return PodStatus(
        phase=phase(seen),
        reason=seen.verdict.reason if seen.verdict else None,
        message=seen.verdict.message if seen.verdict else None,
        conditions=conditions(seen, (*inits, *mains)),
        host_ip=next(iter(host_ips), None),
        host_ips=tuple(HostIP(ip=ip) for ip in host_ips),
        pod_ip=next(iter(ips), None),
        pod_ips=tuple(PodIP(ip=ip) for ip in ips),
        start_time=timestamp(seen.admitted_at),
        init_container_statuses=inits,
        container_statuses=mains,
        qos_class=qos_class,
        resources=whole(seen.pod.spec) if has_whole(seen.pod.spec) else None,
        allocated_resources=whole(seen.pod.spec).requests,
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


def lets_others_start(seen: ObservedPod) -> bool:
    """Whether pods that come after this one may start: it is ready, or has done its work."""
    return is_ready(seen) or phase(seen) == "Succeeded"


# Conditions

# Ends that are not the pod's own doing.
_DISRUPTIONS = frozenset({"Evicted", "Terminated"})


def conditions(seen: ObservedPod, statuses: Sequence[ContainerStatus]) -> tuple[PodCondition, ...]:
    """The five conditions, in the kubelet's order, and why the host ended it. `statuses` are of all containers."""
    counted = {container.name for container in (*seen.pod.spec.sidecars, *seen.pod.spec.containers)}
    unready = [s.name for s in statuses if s.name in counted and not s.ready]
    terminal = phase(seen) if is_finished(seen) or seen.verdict else None
    changed = _readiness_changed_at(seen, unready or sorted(counted))
    return (
        _condition(
            "PodReadyToStartContainers", holds=seen.network and seen.pause, at=seen.sandbox_at or seen.admitted_at
        ),
        _initialized(seen, terminal),
        _ready("Ready", unready, terminal, changed),
        _ready("ContainersReady", unready, terminal, changed),
        _condition("PodScheduled", holds=True, at=seen.admitted_at),
        *_disruption(seen),
    )


def _disruption(seen: ObservedPod) -> Iterator[PodCondition]:
    verdict = seen.verdict
    if verdict is not None and verdict.reason in _DISRUPTIONS:
        at = verdict.since or seen.admitted_at
        yield _condition("DisruptionTarget", holds=True, at=at, reason="TerminationByKubelet", message=verdict.message)


def _initialized(seen: ObservedPod, terminal: str | None) -> PodCondition:
    containers = seen.pod.spec.init_containers
    if terminal == "Succeeded" or is_initialized(seen):
        latest = [c for c in (seen.latest(container.name) for container in containers) if c is not None]
        # A sidecar that came again was through at its first attempt.
        counted = (c for c in latest if c.attempt == 0 or is_init(seen.pod, c.name))
        at = max([seen.admitted_at, *map(_initialized_at, counted)])
        return _condition("Initialized", holds=True, at=at, reason="PodCompleted" if terminal == "Succeeded" else None)
    incomplete = [container.name for container in containers if not is_through(seen, container)]
    return _condition(
        "Initialized",
        holds=False,
        at=seen.admitted_at,
        reason="ContainersNotInitialized",
        message=f"containers with incomplete status: [{' '.join(incomplete)}]",
    )


def _initialized_at(init: ObservedContainer) -> float:
    if init.phase == "exited":
        return init.finished_at or 0.0
    return max(init.started_at or 0.0, init.post_started_at or 0.0, init.startup_at or 0.0)


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


def _readiness_changed_at(seen: ObservedPod, names: Sequence[str]) -> float:
    """When the readiness of the pod was last as it is not now, as far as these containers tell."""
    latest = [seen.latest(name) for name in names]
    ended = [c.finished_at for c in latest if c is not None and c.phase == "exited" and c.finished_at is not None]
    running = [_changed_at(c) for c in latest if c is not None and c.started_at is not None]
    return max(ended or running or [seen.admitted_at])


def _changed_at(running: ObservedContainer) -> float:
    times = (running.started_at, running.post_started_at, running.startup_at, running.ready_at)
    return max(time for time in times if time is not None)
