"""How containers end and what follows: exit codes, restarts and back-off, grace period, replacement, memory."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.integration.harness import FOREVER, Daemon, pod, reasons, statuses

pytestmark = pytest.mark.integration

IGNORES_TERM = "trap '' TERM; while :; do sleep 1; done"


def test_exit_codes_and_phase_of_a_pod_that_is_not_restarted(daemon: Daemon) -> None:
    daemon.drop("a.yaml", pod("done", "exit 0", restartPolicy="Never"))
    daemon.drop("b.yaml", pod("mixed", "exit 0", "exit 3", "kill -9 $$; sleep 1", restartPolicy="Never"))
    pods = daemon.wait_for(
        lambda pods: (
            [each["status"]["phase"] for each in pods.values()].count("Failed") == 1
            and "Succeeded" in [each["status"]["phase"] for each in pods.values()]
        ),
        what="one pod succeeded and one failed",
    )
    ended = {name: each["state"]["terminated"] for name, each in statuses(pods["mixed-lab"]).items()}
    assert [(ended[name]["exitCode"], ended[name]["reason"]) for name in ("c0", "c1")] == [
        (0, "Completed"),
        (3, "Error"),
    ]
    assert statuses(pods["done-lab"])["c0"]["restartCount"] == 0


def test_a_crash_is_restarted_with_back_off(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(backoff={"initial": "200ms", "max": "1s"})
    daemon.start()
    daemon.drop("crash.yaml", pod("crash", "exit 7"))
    pods = daemon.wait_for(
        lambda pods: "crash-lab" in pods and statuses(pods["crash-lab"]).get("c0", {}).get("restartCount", 0) >= 2,
        what="restarted twice",
    )
    status = statuses(pods["crash-lab"])["c0"]
    assert status["lastState"]["terminated"]["exitCode"] == 7
    daemon.wait_for(
        lambda pods: statuses(pods["crash-lab"])["c0"]["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff",
        what="CrashLoopBackOff",
    )
    assert "BackOff" in reasons(daemon.events(), "crash-lab")


def test_on_failure_restarts_only_what_failed(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(backoff={"initial": "100ms", "max": "200ms"})
    daemon.start()
    twice = "echo x >> /tmp-volume/tries; [ $(wc -l < /tmp-volume/tries) -ge 3 ]"
    manifest = pod("tries", twice, "exit 0", restartPolicy="OnFailure", volumes=[{"name": "v", "emptyDir": {}}])
    manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/tmp-volume"}]
    daemon.drop("tries.yaml", manifest)
    pods = daemon.wait_for(
        lambda pods: "tries-lab" in pods and pods["tries-lab"]["status"]["phase"] == "Succeeded", what="succeeded"
    )
    counts = {name: status["restartCount"] for name, status in statuses(pods["tries-lab"]).items()}
    assert counts == {"c0": 2, "c1": 0}


def test_a_container_that_takes_sigterm_ends_at_once(daemon: Daemon) -> None:
    daemon.drop("polite.yaml", pod("polite", FOREVER, grace_s=30))
    daemon.wait_running("polite-lab")
    began = time.monotonic()
    daemon.remove("polite.yaml")
    daemon.wait_gone("polite-lab")
    assert time.monotonic() - began < 5


def test_one_that_does_not_is_killed_when_its_grace_period_is_over(daemon: Daemon) -> None:
    daemon.drop("deaf.yaml", pod("deaf", IGNORES_TERM, grace_s=2))
    daemon.wait_running("deaf-lab")
    began = time.monotonic()
    daemon.remove("deaf.yaml")
    daemon.wait_gone("deaf-lab")
    assert 1.9 < time.monotonic() - began < 6


def test_a_changed_manifest_replaces_the_pod(daemon: Daemon) -> None:
    daemon.drop("web.yaml", pod("web", FOREVER))
    before = daemon.wait_running("web-lab")["web-lab"]
    daemon.drop("web.yaml", pod("web", f"echo second; {FOREVER}"))
    daemon.wait_for(
        lambda pods: (
            "web-lab" in pods
            and pods["web-lab"]["metadata"]["uid"] != before["metadata"]["uid"]
            and pods["web-lab"]["status"]["phase"] == "Running"
        ),
        what="the new pod running",
    )
    assert daemon.cli("logs", "web").stdout == "second\n"
    assert len(daemon.pods()) == 1


def test_too_much_memory_ends_as_oom_killed(daemon: Daemon) -> None:
    manifest = pod("hungry", "dd if=/dev/zero of=/dev/null bs=256M count=1; exit 5", restartPolicy="Never")
    manifest["spec"]["containers"][0]["command"] = ["dd", "if=/dev/zero", "of=/dev/null", "bs=256M", "count=1"]
    manifest["spec"]["containers"][0]["resources"] = {"limits": {"memory": "16Mi"}}
    daemon.drop("hungry.yaml", manifest)
    pods = daemon.wait_for(
        lambda pods: "hungry-lab" in pods and pods["hungry-lab"]["status"]["phase"] == "Failed", what="failed"
    )
    ended = statuses(pods["hungry-lab"])["c0"]["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


def test_an_image_that_is_not_there_is_told_and_tried_again(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(backoff={"initial": "200ms", "max": "1s"})
    daemon.start()
    daemon.drop("none.yaml", pod("none", FOREVER, image="127.0.0.1:9/none:1"))
    daemon.wait_for(
        lambda pods: (
            "none-lab" in pods
            and statuses(pods["none-lab"])["c0"]["state"].get("waiting", {}).get("reason")
            in ("ErrImagePull", "ImagePullBackOff")
        ),
        what="ErrImagePull",
    )
    daemon.wait_for(
        lambda pods: statuses(pods["none-lab"])["c0"]["state"].get("waiting", {}).get("reason") == "ImagePullBackOff",
        what="ImagePullBackOff",
    )
    assert "Failed" in reasons(daemon.events(), "none-lab")


def test_fifty_pods_at_once(daemon: Daemon) -> None:
    names = [f"many{number}" for number in range(50)]
    for name in names:
        daemon.drop(f"{name}.yaml", pod(name))
    pods = daemon.wait_running(*(f"{name}-lab" for name in names), within_s=60)
    assert len({each["status"]["podIP"] for each in pods.values()}) == 50
    assert {status["restartCount"] for each in pods.values() for status in statuses(each).values()} == {0}
