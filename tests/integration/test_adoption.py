"""The daemon is killed at any point and started again: containers go on, nothing is lost, nothing is left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.harness import FOREVER, Daemon, pod, statuses

pytestmark = pytest.mark.integration


def _processes(daemon: Daemon) -> set[int]:
    """The processes in the pods' cgroups."""
    files = [path / "cgroup.procs" for path in daemon.traces.cgroups()]
    return {int(pid) for each in files for pid in each.read_text().split()}


def _what_must_stay(daemon: Daemon) -> dict[str, tuple[Any, ...]]:
    return {
        name: (
            each["status"]["podIP"],
            each["metadata"]["uid"],
            each["status"]["startTime"],
            [(status["containerID"], status["restartCount"]) for status in each["status"]["containerStatuses"]],
        )
        for name, each in daemon.pods().items()
    }


def test_a_killed_daemon_finds_its_pods_as_they_are(daemon: Daemon) -> None:
    for name in ("one", "two"):
        daemon.drop(f"{name}.yaml", pod(name, FOREVER, FOREVER))
    daemon.wait_running("one-lab", "two-lab")
    before, processes = _what_must_stay(daemon), _processes(daemon)
    for _ in range(3):
        daemon.restart()
        daemon.wait_running("one-lab", "two-lab")
        assert _what_must_stay(daemon) == before
        assert processes <= _processes(daemon)


def test_a_stop_and_start_keeps_the_pods_too(daemon: Daemon) -> None:
    daemon.drop("one.yaml", pod("one", FOREVER))
    daemon.wait_running("one-lab")
    before, processes = _what_must_stay(daemon), _processes(daemon)
    assert daemon.stop() == 0
    assert processes <= _processes(daemon)
    daemon.start()
    daemon.wait_running("one-lab")
    assert _what_must_stay(daemon) == before


def test_what_ended_meanwhile_is_noticed(daemon: Daemon) -> None:
    daemon.drop("brief.yaml", pod("brief", "sleep 1; exit 4", restartPolicy="Never"))
    daemon.wait_running("brief-lab")
    daemon.kill()
    time.sleep(1.5)
    daemon.start()
    pods = daemon.wait_for(lambda pods: pods["brief-lab"]["status"]["phase"] == "Failed", what="failed")
    assert statuses(pods["brief-lab"])["c0"]["state"]["terminated"]["exitCode"] == 4


def test_what_was_removed_meanwhile_is_ended(daemon: Daemon) -> None:
    daemon.drop("one.yaml", pod("one", FOREVER))
    daemon.drop("two.yaml", pod("two", FOREVER))
    daemon.wait_running("one-lab", "two-lab")
    daemon.kill()
    daemon.remove("one.yaml")
    daemon.start()
    daemon.wait_gone("one-lab")
    daemon.wait_running("two-lab")


def test_what_was_changed_meanwhile_is_replaced(daemon: Daemon) -> None:
    daemon.drop("one.yaml", pod("one", FOREVER))
    before = daemon.wait_running("one-lab")["one-lab"]["metadata"]["uid"]
    daemon.kill()
    daemon.drop("one.yaml", pod("one", f"echo new; {FOREVER}"))
    daemon.start()
    pods = daemon.wait_for(
        lambda pods: "one-lab" in pods and pods["one-lab"]["metadata"]["uid"] != before, what="the new pod"
    )
    assert len(pods) == 1
    daemon.wait_running("one-lab")


def test_killed_in_the_middle_of_a_start(daemon: Daemon) -> None:
    daemon.drop("warm.yaml", pod("warm", FOREVER))
    daemon.wait_running("warm-lab")
    daemon.remove("warm.yaml")
    daemon.wait_gone("warm-lab")
    for delay_ms in (3, 8, 14, 20, 27, 35, 45, 60, 80):
        name = f"start{delay_ms}"
        daemon.drop(f"{name}.yaml", pod(name, FOREVER, FOREVER))
        time.sleep(delay_ms / 1000)
        daemon.restart()
        pods = daemon.wait_running(f"{name}-lab")
        assert {status["restartCount"] for status in statuses(pods[f"{name}-lab"]).values()} == {0}


def test_killed_in_the_middle_of_a_stop(daemon: Daemon) -> None:
    for delay_ms in (2, 10, 25, 60):
        daemon.drop("stop.yaml", pod("stop", FOREVER, FOREVER))
        daemon.wait_running("stop-lab")
        daemon.remove("stop.yaml")
        time.sleep(delay_ms / 1000)
        daemon.restart()
        daemon.wait_gone("stop-lab")
        assert not _processes(daemon)


def test_a_grace_period_goes_on_where_it_was(daemon: Daemon) -> None:
    daemon.drop("deaf.yaml", pod("deaf", "trap '' TERM; while :; do sleep 1; done", grace_s=4))
    daemon.wait_running("deaf-lab")
    began = time.monotonic()
    daemon.remove("deaf.yaml")
    time.sleep(1)
    daemon.restart()
    daemon.wait_gone("deaf-lab")
    assert 3.5 < time.monotonic() - began < 7


def test_killed_in_the_middle_of_a_pull(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    daemon.start()
    for number, delay_ms in enumerate((20, 60, 120, 200, 350)):
        name = f"pull{number}"
        daemon.drop(f"{name}.yaml", pod(name, FOREVER, image="nginx"))
        time.sleep(delay_ms / 1000)
        daemon.restart()
    daemon.wait_running(*(f"pull{number}-lab" for number in range(5)))


def test_after_a_reboot_everything_starts_anew(daemon: Daemon) -> None:
    daemon.drop("one.yaml", pod("one", FOREVER))
    daemon.wait_running("one-lab")
    before = _processes(daemon)
    _reboot(daemon)
    daemon.start()
    pods = daemon.wait_running("one-lab")
    assert _processes(daemon)
    assert not _processes(daemon) & before
    assert statuses(pods["one-lab"])["c0"]["restartCount"] == 0
    assert len(list((daemon.state / "pods").iterdir())) == 1


def _reboot(daemon: Daemon) -> None:
    """What a reboot does: no process, mount, link or cgroup survives it, and /run is empty."""
    daemon.kill()
    for _ in range(5):
        for pid, _command in daemon.traces.processes():
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    for path in reversed(daemon.traces.mounts()):
        subprocess.run(["umount", "--lazy", path], check=True)
    for link in daemon.traces.links():
        subprocess.run(["ip", "link", "delete", link], check=False)
    for path in reversed(daemon.traces.cgroups()):
        path.rmdir()
    shutil.rmtree(daemon.runtime)
    daemon.runtime.mkdir()
