"""Waiting between restarts and between pulls: how long, what is told meanwhile, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab import client
from tests.integration.derived import docker_archive
from tests.integration.harness import FOREVER, Daemon, pod, reasons, waiting

pytestmark = pytest.mark.integration


def waits(node: Daemon, name: str, *, until: Callable[[list[str]], bool]) -> list[str]:
    """The messages of a pod's waiting container, each once, in the order that a watch tells them."""
    told: list[str] = []
    with client.watch(node.socket, "/pods?watch=1", timeout_s=10) as changes:
        for change in changes:
            if change["object"]["metadata"]["name"] != name:
                continue
            for status in change["object"]["status"].get("containerStatuses", []):
                message = status["state"].get("waiting", {}).get("message", "")
                if message and message not in told:
                    told.append(message)
            if until(told):
                break
    return told


def test_each_wait_is_twice_the_one_before_up_to_the_longest(node: Daemon) -> None:
    node.drop("crash.yaml", pod("crash", "exit 7"))
    told = waits(node, "crash-lab", until=lambda told: len(told) >= 3)
    uid = node.pods()["crash-lab"]["metadata"]["uid"]
    assert told == [
        f"back-off {wait} restarting failed container=c0 pod=crash-lab_default({uid})"
        for wait in ("200ms", "400ms", "800ms")
    ]
    status = node.wait_container(
        "crash-lab", lambda each: each["restartCount"] >= 5 and waiting(each), what="at the longest wait"
    )
    assert (status["ready"], status["started"]) == (False, False)
    (event,) = (event for event in node.events() if event["reason"] == "BackOff")
    assert event["message"] == f"Back-off restarting failed container c0 in pod crash-lab_default({uid})"
    assert event["count"] >= 3
    assert event["type"] == "Warning"


def test_a_good_run_is_followed_by_a_restart_at_once(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(backoff={"initial": "300ms", "max": "1h", "reset": "600ms"})
    daemon.start()
    run = "echo run >> /v/runs; [ $(wc -l < /v/runs) -ge 3 ] && sleep 1; exit 1"
    manifest = pod("crash", run, volumes=[{"name": "v", "emptyDir": {}}])
    manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    daemon.drop("crash.yaml", manifest)
    assert "300ms" in waits(daemon, "crash-lab", until=lambda told: len(told) == 1)[0]
    # From its third run on it runs longer than `reset`: no wait after that, and never one of 600 ms.
    seen: list[str] = []
    with client.watch(daemon.socket, "/pods?watch=1", timeout_s=10) as changes:
        for change in changes:
            (status,) = change["object"]["status"]["containerStatuses"]
            if status["restartCount"] >= 5:
                break
            if status["restartCount"] >= 2:
                seen.append(waiting(status))
    assert "CrashLoopBackOff" not in seen


@pytest.mark.everywhere
def test_an_image_that_nobody_has_is_tried_again(node: Daemon) -> None:
    node.drop("none.yaml", pod("none", FOREVER, image="127.0.0.1:9/none:1"))
    told = waits(node, "none-lab", until=lambda told: any(each.startswith("Back-off") for each in told))
    assert told[-1].startswith('Back-off pulling image "127.0.0.1:9/none:1": ErrImagePull: cannot pull ')
    assert "connection refused" in told[-1]
    node.wait_container("none-lab", lambda status: waiting(status) == "ErrImagePull", what="pulling again")
    node.wait_container("none-lab", lambda status: waiting(status) == "ImagePullBackOff", what="backing off again")
    none = node.pods()["none-lab"]
    assert none["status"]["phase"] == "Pending"
    assert none["status"]["containerStatuses"][0]["image"] == "127.0.0.1:9/none:1"
    assert {"Pulling", "Failed"} <= set(reasons(node.events(), "none-lab"))


def test_an_image_that_comes_ends_the_wait_at_once(new_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    daemon = new_daemon(backoff={"initial": "1h", "max": "1h"})
    daemon.start()
    manifest = pod("late", FOREVER, image="127.0.0.1:9/late:1")
    manifest["spec"]["containers"].append(
        {**manifest["spec"]["containers"][0], "name": "c1", "imagePullPolicy": "Never"}
    )
    daemon.drop("late.yaml", manifest)
    daemon.wait_container("late-lab", lambda status: waiting(status) == "ImagePullBackOff", what="no image")
    never = daemon.wait_container(
        "late-lab", lambda status: waiting(status) == "ErrImageNeverPull", container="c1", what="may not be pulled"
    )
    assert "imagePullPolicy is Never" in never["state"]["waiting"]["message"]
    loaded = daemon.cli("image", "load", str(docker_archive(tmp_path / "late.tar", "127.0.0.1:9/late:1")))
    assert loaded.returncode == 0, loaded.stderr
    daemon.wait_running("late-lab")
    assert reasons(daemon.events(), "late-lab").count("Started") == 2


def test_an_image_that_is_no_reference_is_told_by_its_own_reason(node: Daemon) -> None:
    node.drop("odd.yaml", pod("odd", FOREVER, image="Not/An:Image:Name"))
    status = node.wait_container("odd-lab", waiting, what="refused")
    assert waiting(status) == "InvalidImageName"
    assert "Not/An:Image:Name" in status["state"]["waiting"]["message"]
