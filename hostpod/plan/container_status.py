"""What people are told of a container: its state and its last one as the kubelet shows them. Pure."""

from __future__ import annotations

from hostpod.kube import (
    Container,
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    ResourceRequirements,
)
from hostpod.plan.actions import (
    AttachNetwork,
    CreateContainer,
    EnsureImage,
    EnsureVolumeImage,
    MakeNamespaces,
    RunPause,
    StartContainer,
)
from hostpod.plan.backoff import BackoffRule, restart_wait_s
from hostpod.plan.change import resources_in, resources_of
from hostpod.plan.image_volumes import mount_statuses, shown_to
from hostpod.plan.observed import (
    NAMESPACES,
    NETWORK,
    PAUSE,
    Failure,
    ObservedContainer,
    ObservedPod,
    action_key,
    container_target,
    image_target,
    image_volume_target,
)
from hostpod.plan.order import has_started, is_through
from hostpod.plan.ordering import WAITING
from hostpod.plan.restarts import comes_again, is_init
from hostpod.plan.timestamp import timestamp

RUNTIME = "hostpod"


def container_status(container: Container, seen: ObservedPod, now: float, rule: BackoffRule) -> ContainerStatus:
    """The v1 ContainerStatus of one container, also of an init container."""
    latest, previous = seen.latest(container.name), seen.previous(container.name)
    state = _state(container, latest, seen, now, rule)
    last = latest if latest is not None and latest.phase == "exited" and state.terminated is None else previous
    return ContainerStatus(
        name=container.name,
        state=state,
        last_state=ContainerState(terminated=_terminated(last)) if last is not None else ContainerState(),
        ready=_is_ready(container, latest, seen),
        started=latest is not None and latest.phase == "running" and has_started(container, latest),
        restart_count=latest.attempt if latest is not None else 0,
        image=latest.image if latest is not None else container.image or "",
        image_id=latest.image_id if latest is not None else "",
        container_id=f"{RUNTIME}://{latest.id}" if latest is not None else None,
        resources=_given(container, latest),
        volume_mounts=mount_statuses(container, seen),
    )


def _state(
    container: Container, latest: ObservedContainer | None, seen: ObservedPod, now: float, rule: BackoffRule
) -> ContainerState:
    if latest is not None and latest.phase == "running":
        running = ContainerStateRunning(started_at=timestamp(latest.started_at or latest.created_at))
        return ContainerState(running=running)
    ended = latest if latest is not None and latest.phase == "exited" else None
    if ended is not None and not comes_again(seen, ended):
        return ContainerState(terminated=_terminated(ended))
    first = _sandbox_refused(seen) or _not_begun(seen)
    waiting = _refused(container, seen) or (first if ended is None else _repeats(ended, seen, now, rule))
    if waiting is None and ended is not None:
        return ContainerState(terminated=_terminated(ended))
    return ContainerState(waiting=waiting)


def _repeats(
    ended: ObservedContainer, seen: ObservedPod, now: float, rule: BackoffRule
) -> ContainerStateWaiting | None:
    """Why an ended container does not run again yet, where there is more to tell than its end."""
    wait_s = restart_wait_s(ended, rule)
    if wait_s and now < (ended.finished_at or now) + wait_s:
        return _crash_loop(ended, seen, wait_s)
    if ended.stopping is not None and ended.stopping.hook_failed:
        return _told("PostStartHookError", ended.stopping.reason)
    return None


def _given(container: Container, latest: ObservedContainer | None) -> ResourceRequirements:
    """What it has, which after a change of its pod need not be what it is to have."""
    if latest is None or latest.resources in ("", resources_of(container)):
        return container.resources
    return resources_in(latest.resources)


def _not_begun(seen: ObservedPod) -> ContainerStateWaiting:
    if seen.waits:
        return _told(WAITING, seen.waits)
    initializes = seen.pod.spec.init_containers
    return ContainerStateWaiting(reason="PodInitializing" if initializes else "ContainerCreating")


def is_ready(seen: ObservedPod) -> bool:
    """Whether all containers of a pod are ready, and it is not about to end."""
    counted = (*seen.pod.spec.sidecars, *seen.pod.spec.containers)
    lasts = seen.ending is None and seen.verdict is None
    return lasts and all(_is_ready(container, seen.latest(container.name), seen) for container in counted)


def _is_ready(container: Container, latest: ObservedContainer | None, seen: ObservedPod) -> bool:
    """Running, started, and as its readiness probe says; an init container is ready when it has done its work."""
    if latest is None:
        return False
    if is_init(seen.pod, container.name):
        return is_through(seen, container)
    passes = container.readiness_probe is None or latest.ready is True
    return latest.phase == "running" and has_started(container, latest) and passes


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
    target = container_target(container.name)
    for kind in (StartContainer, CreateContainer):
        failure = seen.failures.get(action_key(kind, target))
        if failure is not None:
            return _told(failure.reason, failure.message)
    return _image_refused(container, seen)


def _image_refused(container: Container, seen: ObservedPod) -> ContainerStateWaiting | None:
    """Its own image, or one that it mounts."""
    wanted: list[tuple[type, str, str]] = [(EnsureImage, image_target(container.name), container.image or "")]
    for volume, reference in shown_to(container, seen.pod).items():
        wanted.append((EnsureVolumeImage, image_volume_target(volume), reference))
    for kind, target, reference in wanted:
        failure = seen.failures.get(action_key(kind, target))
        if failure is not None:
            backs_off = failure.reason == "ErrImagePull" and target not in seen.busy
            return _pull_backoff(reference, failure) if backs_off else _told(failure.reason, failure.message)
    return None


def _sandbox_refused(seen: ObservedPod) -> ContainerStateWaiting | None:
    """Why there is nothing yet that containers could run in."""
    for kind, target in ((MakeNamespaces, NAMESPACES), (AttachNetwork, NETWORK), (RunPause, PAUSE)):
        failure = seen.failures.get(action_key(kind, target))
        if failure is not None:
            return _told(failure.reason, failure.message)
    return None


def _told(reason: str, message: str) -> ContainerStateWaiting:
    return ContainerStateWaiting(reason=reason, message=message)


def _pull_backoff(reference: str, failure: Failure) -> ContainerStateWaiting:
    message = f'Back-off pulling image "{reference}": {failure.reason}: {failure.message}'
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
