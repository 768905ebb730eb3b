"""In which order the containers of one pod begin and end. Pure."""

from __future__ import annotations

from hostpod.kube import Container
from hostpod.plan.observed import ObservedContainer, ObservedPod
from hostpod.plan.restarts import is_init, will_restart


def may_run(seen: ObservedPod) -> tuple[Container, ...]:
    """The containers whose turn it is. Each init container waits for the one before, all others for the last of them.

    Once an init container or a container has been started, those before it are not waited for again: a sidecar that
    crashed comes back beside what runs.
    """
    spec = seen.pod.spec
    if _has_begun(seen):
        return (*spec.sidecars, *spec.containers)
    turn: list[Container] = []
    for container in spec.init_containers:
        if not (is_init(seen.pod, container.name) and _is_complete(seen, container)):
            turn.append(container)
        if not is_through(seen, container) and not _was_passed(seen, container):
            return tuple(turn)
    return (*turn, *spec.containers)


def is_through(seen: ObservedPod, container: Container) -> bool:
    """Whether the next may begin after this init container: it has done its work or, a sidecar, has started."""
    if is_init(seen.pod, container.name):
        return _is_complete(seen, container)
    latest = seen.latest(container.name)
    return latest is not None and latest.phase == "running" and has_started(container, latest)


def is_initialized(seen: ObservedPod) -> bool:
    """Whether all init containers are through."""
    return _has_begun(seen) or all(is_through(seen, container) for container in seen.pod.spec.init_containers)


def has_started(container: Container, running: ObservedContainer) -> bool:
    """Whether a running container is past its postStart hook and its startup probe."""
    return hook_is_over(container, running) and (container.startup_probe is None or running.startup is True)


def hook_is_over(container: Container, running: ObservedContainer) -> bool:
    """Whether a running container has no postStart hook to run any more."""
    hook = container.lifecycle.post_start if container.lifecycle else None
    return hook is None or running.post_started_at is not None


def may_end(seen: ObservedPod, attempt: ObservedContainer) -> bool:
    """Whether a container may be asked to end together with its pod: a sidecar ends after those that came after it."""
    sidecars = [container.name for container in seen.pod.spec.sidecars]
    if attempt.name not in sidecars:
        return True
    before = set(sidecars[: sidecars.index(attempt.name) + 1])
    return all(other.phase == "exited" or other.name in before for other in seen.containers)


def _has_begun(seen: ObservedPod) -> bool:
    """Whether a container has been started, so that initialization was over."""
    names = {container.name for container in seen.pod.spec.containers}
    return any(attempt.name in names and attempt.started_at is not None for attempt in seen.containers)


def _is_complete(seen: ObservedPod, container: Container) -> bool:
    """An init container that was cut off to be another one has not done its work, with whatever code it ended."""
    latest = seen.latest(container.name)
    ended = latest is not None and latest.phase == "exited" and latest.exit_code == 0
    return latest is not None and ended and not will_restart(seen.pod, latest)


def _was_passed(seen: ObservedPod, container: Container) -> bool:
    """Whether an init container after this one has been started already."""
    names = [each.name for each in seen.pod.spec.init_containers]
    later = set(names[names.index(container.name) + 1 :])
    return any(attempt.name in later and attempt.started_at is not None for attempt in seen.containers)
