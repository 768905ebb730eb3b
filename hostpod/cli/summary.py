"""A pod in one line: what kubectl shows as READY, STATUS and RESTARTS. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hostpod.cli.times import human_duration, parse_time, since

JsonObject = Mapping[str, Any]

_FINISHED_PHASES = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """What one line of `get pods` tells; `last_restart_s` is a time, seconds since 1970."""

    ready: int
    containers: int
    status: str
    restarts: int
    last_restart_s: float | None

    def restarts_text(self, now: float) -> str:
        """`3 (10s ago)`."""
        if not self.restarts or self.last_restart_s is None:
            return str(self.restarts)
        return f"{self.restarts} ({human_duration(now - self.last_restart_s)} ago)"


def summarize(pod: JsonObject) -> Summary:
    """The line of a pod, by the rules of Kubernetes' own printer."""
    status = pod.get("status", {})
    sidecars = _sidecars(pod)
    init_statuses = status.get("initContainerStatuses", [])
    init_reason, ready = _init_progress(pod, init_statuses, sidecars)
    counted = init_statuses
    reason = init_reason or status.get("reason") or status.get("phase", "Unknown")
    if not init_reason or _condition(status, "Initialized"):
        main_statuses = status.get("containerStatuses", [])
        counted = [*(each for each in init_statuses if each["name"] in sidecars), *main_statuses]
        ready += sum(1 for each in main_statuses if _runs_ready(each))
        reason = _main_reason(main_statuses, status) or reason
    return Summary(
        ready=ready,
        containers=len(pod["spec"].get("containers", [])) + len(sidecars),
        status=_terminating(pod, status) or reason,
        restarts=sum(each.get("restartCount", 0) for each in counted),
        last_restart_s=_last_restart(counted),
    )


def created(pod: JsonObject) -> str | None:
    """When the pod came to be: static pods have no creationTimestamp, but the moment their manifest was seen."""
    metadata = pod["metadata"]
    times: tuple[str | None, ...] = (
        metadata.get("creationTimestamp"),
        metadata.get("annotations", {}).get("kubernetes.io/config.seen"),
        pod.get("status", {}).get("startTime"),
    )
    return next(filter(None, times), None)


def age(pod: JsonObject, now: float) -> str:
    """How old a pod is."""
    return since(created(pod), now)


def _sidecars(pod: JsonObject) -> frozenset[str]:
    containers = pod["spec"].get("initContainers", [])
    return frozenset(each["name"] for each in containers if each.get("restartPolicy") == "Always")


def _init_progress(pod: JsonObject, statuses: Iterable[JsonObject], sidecars: frozenset[str]) -> tuple[str, int]:
    """(`Init:…` while an init container keeps the pod waiting, how many sidecars are ready)."""
    ready = 0
    for done, each in enumerate(statuses):
        state = each.get("state", {})
        if state.get("terminated", {}).get("exitCode") == 0:
            continue
        if each["name"] in sidecars and each.get("started"):
            ready += bool(each.get("ready"))
            continue
        return f"Init:{_init_reason(state, done, len(pod['spec'].get('initContainers', [])))}", ready
    return "", ready


def _init_reason(state: JsonObject, done: int, total: int) -> str:
    if "terminated" in state:
        return _ended(state["terminated"])
    waiting = state.get("waiting", {}).get("reason", "")
    return waiting if waiting and waiting != "PodInitializing" else f"{done}/{total}"


def _main_reason(statuses: list[JsonObject], pod_status: JsonObject) -> str:
    """Of the first container that waits or has ended; `Completed` beside running ones is not the whole truth."""
    reason = next(filter(None, (_state_reason(each.get("state", {})) for each in statuses)), "")
    if reason == "Completed" and any(_runs_ready(each) for each in statuses):
        return "Running" if _condition(pod_status, "Ready") else "NotReady"
    return reason


def _state_reason(state: JsonObject) -> str:
    if state.get("waiting", {}).get("reason"):
        return str(state["waiting"]["reason"])
    return _ended(state["terminated"]) if "terminated" in state else ""


def _ended(terminated: JsonObject) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _runs_ready(status: JsonObject) -> bool:
    return bool(status.get("ready")) and "running" in status.get("state", {})


def _terminating(pod: JsonObject, status: JsonObject) -> str:
    deleted = pod["metadata"].get("deletionTimestamp")
    return "Terminating" if deleted and status.get("phase") not in _FINISHED_PHASES else ""


def _condition(status: JsonObject, name: str) -> bool:
    return any(each["type"] == name and each["status"] == "True" for each in status.get("conditions", []))


def _last_restart(statuses: Iterable[JsonObject]) -> float | None:
    ends = (parse_time(each.get("lastState", {}).get("terminated", {}).get("finishedAt")) for each in statuses)
    return max((end for end in ends if end is not None), default=None)
