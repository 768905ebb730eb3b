"""The stages of a container and of a pod, read off what is seen, and the tables of what leads from one to another.

Nothing keeps a stage. The tables say how what `plan_pod` decides and what the world does play together:
docs/lifecycle.md is drawn from them, and every history that tests make up is held against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, assert_never, cast

from hostpod.kube import Container
from hostpod.plan.observed import ObservedContainer, ObservedPod
from hostpod.plan.order import has_started, hook_is_over
from hostpod.plan.restarts import comes_again, pod_ends
from hostpod.plan.status import phase

Stage = Literal[
    "absent", "creating", "created", "post-start", "starting", "running", "pre-stop", "stopping", "killed", "exited",
    "waiting", "over",
]  # fmt: skip
Happening = Literal[
    "making begins", "made", "refused by runc", "making undone", "lost before its start", "started", "postStart over",
    "startup probe passed", "told to end", "pod ends", "stop signal", "SIGKILL", "process ends", "freed",
]  # fmt: skip

_ALIVE: tuple[Stage, ...] = ("post-start", "starting", "running")
_ENDING: tuple[Stage, ...] = ("pre-stop", "stopping", "killed")

# Where a happening leads, by the stage in which it comes. What is not in here changes no stage.
STAGES: Mapping[tuple[Stage, Happening], tuple[Stage, ...]] = {
    ("absent", "making begins"): ("creating",),
    ("creating", "made"): ("created",),
    ("creating", "refused by runc"): ("exited",),
    ("creating", "making undone"): ("absent", "waiting", "over"),
    ("created", "lost before its start"): ("creating",),
    ("created", "started"): ("post-start", "starting", "running", "pre-stop"),
    ("created", "SIGKILL"): ("killed",),
    ("created", "process ends"): ("exited",),
    ("post-start", "postStart over"): ("starting", "running"),
    ("starting", "startup probe passed"): ("running",),
    **{(stage, happening): ("pre-stop",) for stage in _ALIVE for happening in ("told to end", "pod ends")},
    ("pre-stop", "stop signal"): ("stopping",),
    ("pre-stop", "SIGKILL"): ("killed",),
    ("stopping", "SIGKILL"): ("killed",),
    **{(stage, "process ends"): ("exited",) for stage in (*_ALIVE, *_ENDING)},
    ("exited", "freed"): ("waiting", "over"),
    ("waiting", "making begins"): ("creating",),
    ("waiting", "pod ends"): ("over",),
}


def stage_of(container: Container, seen: ObservedPod) -> Stage:
    """The stage of a container of a pod that is here, also of an init container."""
    latest = seen.latest(container.name)
    if latest is None:
        return "absent"
    match latest.phase:
        case "creating":
            return "creating"
        case "created":
            return "killed" if latest.kill_sent else "created"
        case "running":
            return _running(container, latest, seen)
        case "exited" if not latest.cleaned:
            return "exited"
        case "exited":
            return "waiting" if comes_again(seen, latest) else "over"
        case state:
            assert_never(state)


def _running(container: Container, running: ObservedContainer, seen: ObservedPod) -> Stage:
    if running.kill_sent:
        return "killed"
    if running.stop_sent_at is not None:
        return "stopping"
    if running.stopping is not None or pod_ends(seen):
        return "pre-stop"
    if not hook_is_over(container, running):
        return "post-start"
    return "running" if has_started(container, running) else "starting"


# Of a pod

PodStage = Literal["absent", "Pending", "Running", "Succeeded", "Failed", "ending"]
PodHappening = Literal["admitted", "containers begun", "work over", "deadline", "leaves", "all of it gone"]

POD_STAGES: Mapping[tuple[PodStage, PodHappening], tuple[PodStage, ...]] = {
    ("absent", "admitted"): ("Pending",),
    ("Pending", "containers begun"): ("Running",),
    ("Pending", "work over"): ("Failed",),
    ("Running", "work over"): ("Succeeded", "Failed"),
    **{(stage, "deadline"): ("Failed",) for stage in ("Pending", "Running")},
    **{(stage, "leaves"): ("ending",) for stage in ("Pending", "Running", "Succeeded", "Failed")},
    ("ending", "all of it gone"): ("absent",),
}


def pod_stage_of(seen: ObservedPod | None) -> PodStage:
    """The phase of a pod that stays, by the same rules as people are shown it; else that it ends or is not here."""
    if seen is None:
        return "absent"
    return "ending" if seen.ending is not None else cast("PodStage", phase(seen))
