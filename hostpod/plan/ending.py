"""How running containers are brought to an end: preStop hook, stop signal, SIGKILL, each in its time. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from hostpod.kube import Container
from hostpod.plan.actions import (
    Abandon,
    Action,
    CleanContainer,
    DiscardContainer,
    KillContainer,
    RunPreStop,
    StopContainer,
)
from hostpod.plan.image_volumes import image_volumes
from hostpod.plan.observed import (
    ObservedContainer,
    ObservedPod,
    image_target,
    image_volume_target,
    post_start_target,
    pre_stop_target,
)
from hostpod.plan.order import may_end

# What a container has between its stop signal and SIGKILL though its hook, or those that end before it, took all time.
LEAST_S = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LookAgain:
    """Nothing to do before `at` (wall seconds)."""

    at: float


Step = Action | LookAgain


@dataclass(frozen=True, kw_only=True, slots=True)
class Halt:
    """Containers are to end since `since` (wall seconds) within `grace_s`, and in any case by `until`."""

    since: float
    grace_s: float
    reason: str
    until: float = math.inf

    @property
    def deadline(self) -> float:
        return min(self.since + self.grace_s, self.until)


def halt_pod(seen: ObservedPod, halt: Halt, now: float) -> Iterator[Step]:
    """All containers of a pod end, sidecars after the others; what was made of them is freed."""
    yield from _abandon_pulls(seen, halt.reason)
    for attempt in seen.containers:
        match attempt.phase:
            case "exited":
                yield from tidy(attempt, seen)
            case "created":
                if not attempt.kill_sent:
                    yield KillContainer(container=attempt.name, id=attempt.id, reason=halt.reason)
            case "running":
                yield from halt_container(seen, attempt, halt, now, may_end=may_end(seen, attempt))
            case "creating":
                yield discard(attempt)
            case phase:
                assert_never(phase)


def _abandon_pulls(seen: ObservedPod, reason: str) -> Iterator[Step]:
    for container in seen.pod.spec.all_containers:
        if image_target(container.name) in seen.busy:
            yield Abandon(container=container.name, what=image_target(container.name), reason=reason)
    for volume in image_volumes(seen.pod):
        if image_volume_target(volume) in seen.busy:
            yield Abandon(what=image_volume_target(volume), reason=reason)


def halt_container(
    seen: ObservedPod, attempt: ObservedContainer, halt: Halt, now: float, *, may_end: bool = True
) -> Iterator[Step]:
    """One running container ends: its hook runs at once, its stop signal comes when it `may_end`."""
    own = attempt.stopping
    if own is not None and own.since + own.grace_s < halt.deadline:
        halt = Halt(since=own.since, grace_s=own.grace_s, reason=own.reason, until=halt.until)
    container = seen.pod.spec.container(attempt.name)
    yield from _abandon(attempt, post_start_target(attempt.name), seen, halt.reason)
    if attempt.kill_sent:
        return
    if attempt.stop_sent_at is not None:
        yield from _kill(seen, attempt, attempt.stop_sent_at, halt, now)
    elif now >= halt.deadline and not _has_least(seen, container):
        yield KillContainer(container=attempt.name, id=attempt.id, reason=f"{halt.reason}, and its time is over")
    elif now < halt.deadline and _pre_stop_is_due(container, attempt):
        yield RunPreStop(container=attempt.name, id=attempt.id, until=halt.deadline, reason=halt.reason)
        yield LookAgain(at=halt.deadline)
    elif now < halt.deadline and not may_end:
        yield LookAgain(at=halt.deadline)
    else:
        yield from _abandon(attempt, pre_stop_target(attempt.name), seen, "its time is over")
        yield StopContainer(container=attempt.name, id=attempt.id, signal=attempt.stop_signal, reason=halt.reason)


def _kill(seen: ObservedPod, attempt: ObservedContainer, asked_at: float, halt: Halt, now: float) -> Iterator[Step]:
    """SIGKILL when the grace period is over. It is counted from the signal, unless time was used up before it."""
    if _has_least(seen, seen.pod.spec.container(attempt.name)):
        at = max(halt.deadline, asked_at + LEAST_S)
    else:
        at = min(asked_at + halt.grace_s, halt.until)
    if now >= at:
        yield KillContainer(container=attempt.name, id=attempt.id, reason="its grace period is over")
    else:
        yield LookAgain(at=at)


def _has_least(seen: ObservedPod, container: Container) -> bool:
    """Whether something comes before the stop signal that may take all the time."""
    return _pre_stop(container) or (container in seen.pod.spec.sidecars)


def _pre_stop(container: Container) -> bool:
    return container.lifecycle is not None and container.lifecycle.pre_stop is not None


def _pre_stop_is_due(container: Container, attempt: ObservedContainer) -> bool:
    return _pre_stop(container) and attempt.pre_stopped_at is None


def _abandon(attempt: ObservedContainer, what: str, seen: ObservedPod, reason: str) -> Iterator[Step]:
    if what in seen.busy:
        yield Abandon(container=attempt.name, what=what, reason=reason)


def discard(attempt: ObservedContainer) -> DiscardContainer:
    """Undo an attempt that never came to be."""
    return DiscardContainer(container=attempt.name, id=attempt.id, reason="its making was refused or cut off")


def tidy(attempt: ObservedContainer, seen: ObservedPod) -> Iterator[Step]:
    """What follows the end of an attempt: its hooks are let go, and what it held is freed."""
    if attempt.cleaned:  # hooks that run now are those of a later attempt
        return
    hooks = {post_start_target(attempt.name), pre_stop_target(attempt.name)} & seen.busy
    for hook in sorted(hooks):
        yield Abandon(container=attempt.name, what=hook, reason="its container has ended")
    if not hooks:
        yield CleanContainer(container=attempt.name, id=attempt.id, reason="it has ended")
