from __future__ import annotations

from typing import Any

import pytest

from hostpod.cli.summary import age, created, summarize

RUNNING = {"running": {"startedAt": "2026-11-21T08:00:00Z"}}
DONE = {"terminated": {"exitCode": 0, "reason": "Completed"}}


def status(name: str = "main", state: Any = RUNNING, **more: Any) -> dict[str, Any]:
    return {"name": name, "state": state, "ready": "running" in state, "restartCount": 0, **more}


def waiting(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason}}


def pod(
    *statuses: dict[str, Any],
    init: tuple[dict[str, Any], ...] = (),
    sidecars: tuple[str, ...] = (),
    phase: str = "Running",
    metadata: Any = None,
    **more: Any,
) -> dict[str, Any]:
    init_containers = [
        {"name": each["name"], **({"restartPolicy": "Always"} if each["name"] in sidecars else {})} for each in init
    ]
    return {
        "metadata": {"name": "web", **(metadata or {})},
        "spec": {"containers": [{"name": each["name"]} for each in statuses], "initContainers": init_containers},
        "status": {
            "phase": phase,
            "containerStatuses": list(statuses),
            "initContainerStatuses": list(init),
            **more,
        },
    }


READY = [{"type": "Ready", "status": "True"}]
INITIALIZED = [{"type": "Initialized", "status": "True"}]


@pytest.mark.parametrize(
    ("example", "shown"),
    [
        (pod(status()), ("1/1", "Running")),
        (pod(status("a"), status("b", waiting("CrashLoopBackOff"))), ("1/2", "CrashLoopBackOff")),
        (pod(status("a", waiting("A")), status("b", waiting("B"))), ("0/2", "A")),
        (pod(status(state=waiting("ContainerCreating")), phase="Pending"), ("0/1", "ContainerCreating")),
        (pod(status(state={"waiting": {}}), phase="Pending"), ("0/1", "Pending")),
        (pod(status(ready=False)), ("0/1", "Running")),
        (pod(status(state=DONE), phase="Succeeded"), ("0/1", "Completed")),
        (pod(status("a", DONE), status("b"), conditions=READY), ("1/2", "Running")),
        (pod(status("a", DONE), status("b")), ("1/2", "NotReady")),
        (pod(status(state={"terminated": {"exitCode": 3}}), phase="Failed"), ("0/1", "ExitCode:3")),
        (pod(status(state={"terminated": {"exitCode": 137, "signal": 9}}), phase="Failed"), ("0/1", "Signal:9")),
        (pod(status(state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}})), ("0/1", "OOMKilled")),
        (pod(status(), phase="Failed", reason="Evicted"), ("1/1", "Evicted")),
        (pod(status(), metadata={"deletionTimestamp": "2026-11-21T08:00:00Z"}), ("1/1", "Terminating")),
        (
            pod(status(state=DONE), phase="Succeeded", metadata={"deletionTimestamp": "2026-11-21T08:00:00Z"}),
            ("0/1", "Completed"),
        ),
    ],
)
def test_ready_and_status(example: dict[str, Any], shown: tuple[str, str]) -> None:
    summary = summarize(example)
    assert (f"{summary.ready}/{summary.containers}", summary.status) == shown


@pytest.mark.parametrize(
    ("init", "sidecars", "shown"),
    [
        ([status("a"), status("b", waiting("PodInitializing"))], (), ("0/1", "Init:0/2")),
        ([status("a", DONE), status("b")], (), ("0/1", "Init:1/2")),
        ([status("a", waiting("ImagePullBackOff"))], (), ("0/1", "Init:ImagePullBackOff")),
        ([status("a", {"terminated": {"exitCode": 1, "reason": "Error"}})], (), ("0/1", "Init:Error")),
        ([status("a", {"terminated": {"exitCode": 7}})], (), ("0/1", "Init:ExitCode:7")),
        ([status("a", {"terminated": {"exitCode": 143, "signal": 15}})], (), ("0/1", "Init:Signal:15")),
        ([status("side", started=False)], ("side",), ("0/2", "Init:0/1")),
        ([status("side", started=True), status("b")], ("side",), ("1/2", "Init:1/2")),
    ],
)
def test_while_init_containers_run(
    init: list[dict[str, Any]], sidecars: tuple[str, ...], shown: tuple[str, str]
) -> None:
    example = pod(status(state=waiting("PodInitializing")), init=tuple(init), sidecars=sidecars, phase="Pending")
    summary = summarize(example)
    assert (f"{summary.ready}/{summary.containers}", summary.status) == shown


def test_sidecars_count_among_the_ready() -> None:
    example = pod(status(), init=(status("side", started=True),), sidecars=("side",), conditions=INITIALIZED)
    summary = summarize(example)
    assert (summary.ready, summary.containers, summary.status) == (2, 2, "Running")


def test_a_sidecar_that_starts_again_does_not_hide_the_pod() -> None:
    side = status("side", waiting("CrashLoopBackOff"), started=False)
    example = pod(status(), init=(side,), sidecars=("side",), conditions=INITIALIZED)
    assert summarize(example).status == "Init:CrashLoopBackOff"


def ended(at: str) -> dict[str, Any]:
    return {"terminated": {"exitCode": 1, "finishedAt": at}}


def test_restarts_and_the_last_of_them() -> None:
    first = status("a", restartCount=2, lastState=ended("1970-01-01T00:00:10Z"))
    second = status("b", restartCount=1, lastState=ended("1970-01-01T00:01:30Z"))
    assert summarize(pod(first, second)).restarts_text(now=100) == "3 (10s ago)"
    assert summarize(pod(status(restartCount=3))).restarts_text(now=100) == "3"
    assert summarize(pod(status())).restarts_text(now=100) == "0"


def test_restarts_of_init_containers_count_only_while_they_run() -> None:
    init = status("i", waiting("CrashLoopBackOff"), restartCount=4)
    assert summarize(pod(status(state=waiting("PodInitializing")), init=(init,))).restarts == 4
    assert summarize(pod(status(restartCount=1), init=(status("i", DONE, restartCount=4),))).restarts == 1


def test_a_pod_without_any_status_yet() -> None:
    bare = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "a"}]}}
    summary = summarize(bare)
    assert (summary.ready, summary.containers, summary.status) == (0, 1, "Unknown")
    assert age(bare, now=0) == "<unknown>"


def test_a_static_pod_is_as_old_as_its_manifest_is_known() -> None:
    seen = {"annotations": {"kubernetes.io/config.seen": "1970-01-01T00:00:10.5Z"}}
    example = pod(status(), metadata=seen, startTime="1970-01-01T00:00:50Z")
    assert age(example, now=100) == "89s"
    assert created(pod(status(), startTime="1970-01-01T00:00:50Z")) == "1970-01-01T00:00:50Z"
