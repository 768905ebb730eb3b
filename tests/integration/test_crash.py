"""kill -9 of the daemon in the middle of what it does, and of the processes that pods are made of."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from lab.instance import all_run
from lab.place import patient
from lab.registry import Registry, write_registries_conf
from lab.relay import Relay, relay
from tests.integration import falling
from tests.integration.crash_kit import container_id, first_processes, inventory, monitors, run, until
from tests.integration.harness import FOREVER, Daemon, pod, reasons, statuses, waiting

pytestmark = pytest.mark.integration

ONE_PROCESS = "exec sleep 3600"
FEWEST_ACTS = 50  # of a start or a stop: under systemd, which makes cgroups, they are fewer than elsewhere


def _lone(name: str) -> dict[str, Any]:
    """A pod of one container of one process, that ends at once."""
    return pod(name, ONE_PROCESS, grace_s=0)


def _settled(node: Daemon, names: list[str], expected: object) -> None:
    """Every pod runs, is counted as never restarted, and has what pods have that nothing happened to."""
    pods = node.wait_running(*(f"{name}-lab" for name in names))
    assert sorted(pods) == sorted(f"{name}-lab" for name in names)
    for name in pods:
        assert statuses(pods[name])["c0"]["restartCount"] == 0
        assert {each: len(pids) for each, pids in node.processes(name).items()} == {"c0": 1, "pause": 1}
    until(lambda: inventory(node) == expected, "nothing more, nothing less", within_s=5)


def _undisturbed(node: Daemon, names: list[str]) -> object:
    for name in names:
        node.drop(f"{name}.yaml", _lone(name))
    node.wait_running(*(f"{name}-lab" for name in names))
    until(lambda: inventory(node)["process"] == 3 * len(names), "conmon, pause and container of each")
    expected = inventory(node)
    node.clear()
    return expected


def _fall(node: Daemon, act: Callable[[], object]) -> None:
    assert _falls(node, act, done=lambda pods: False)


def _falls(node: Daemon, act: Callable[[], object], done: Callable[[Mapping[str, Any]], object]) -> bool:
    """Whether the daemon has killed itself, and not come to the end of what it had to do: its acts are counted out."""
    process = node.process
    assert process is not None

    def over() -> bool:
        with suppress(OSError, http.client.HTTPException):  # the daemon dies just now
            return bool(done(node.pods()))
        return False

    process.send_signal(signal.SIGUSR1)
    act()
    until(lambda: process.poll() is not None or over(), "the daemon killed, or nothing left to do")
    with suppress(subprocess.TimeoutExpired):  # a last act may follow what was seen
        return process.wait(0.5) == -signal.SIGKILL
    return False


# A start


def test_killed_before_an_act_of_a_start(node: Daemon) -> None:
    """Every other time the manifest is gone when the next daemon comes: then all that was made has to go."""
    expected = _undisturbed(node, ["x"])
    node.kill()
    for number in count():
        node.start(python_options=falling.options(2 + 4 * number))
        if number % 2:
            _settled(node, ["x"], expected)
        node.clear()
        if not _falls(node, lambda: node.drop("x.yaml", _lone("x")), done=lambda pods: pods and all_run(pods["x-lab"])):
            break
        if number % 2:
            node.remove("x.yaml")
    assert number > FEWEST_ACTS / 4
    node.restart()


def test_killed_a_moment_after_a_manifest_came(node: Daemon) -> None:
    names = ["x", "y", "z"]
    expected = _undisturbed(node, names)
    for delay_ms in (0, 15, 30, 45, 60, 80, 120):
        for name in names:
            node.drop(f"{name}.yaml", _lone(name))
        time.sleep(delay_ms / 1000)
        if delay_ms in (30, 60):
            assert node.stop() == 0
            node.start()
        else:
            node.restart()
        _settled(node, names, expected)
        node.clear()


def _ran(name: str, directory: Path, then: str) -> dict[str, Any]:
    """A pod that is never restarted, and leaves a line in a directory of the host each time that it runs."""
    manifest = pod(name, f"echo ran >> /host/ran; {then}", restartPolicy="Never")
    manifest["spec"]["volumes"] = [{"name": "h", "hostPath": {"path": str(directory)}}]
    manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "h", "mountPath": "/host"}]
    return manifest


@pytest.mark.parametrize("reader_died", [True, False])
def test_killed_when_it_was_about_to_let_a_container_run(node: Daemon, tmp_path: Path, reader_died: bool) -> None:
    node.kill()
    node.start(python_options=falling.options(("open", "exec.fifo")))
    _fall(node, lambda: node.drop("x.yaml", _ran("x", tmp_path, FOREVER)))
    assert not (tmp_path / "ran").exists()
    (created,) = monitors(node)
    if reader_died:
        until(lambda: _opened_and_died(node, created), "the container's process told that nobody reads")
    node.start()
    running = node.wait_running("x-lab")["x-lab"]
    until((tmp_path / "ran").exists, "ran")
    assert (tmp_path / "ran").read_text() == "ran\n"
    assert statuses(running)["c0"]["restartCount"] == 0
    assert (container_id(running) == created) is not reader_died


def _opened_and_died(node: Daemon, cid: str) -> bool:
    """Do what a daemon does that is killed after opening a container's FIFO, before the container can write to it.

    Whether the container has ended of it. A process that has not come to the FIFO yet does not notice.
    """
    (record,) = node.runtime.glob("pods/*/containers/*/record.json")
    mine = os.sched_getaffinity(0)
    # Both on one processor, and this process before all others: so the other does not run before this one lets go.
    os.sched_setaffinity(0, {min(mine)})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        with suppress(ProcessLookupError):
            os.sched_setaffinity(json.loads(record.read_text())["pid"], {min(mine)})
        os.close(os.open(node.runtime / "runc" / cid / "exec.fifo", os.O_RDONLY | os.O_NONBLOCK))
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(0, mine)
    return not monitors(node)


@pytest.mark.parametrize("then", [FOREVER, "exit 3"])
def test_killed_when_it_had_let_a_container_run(node: Daemon, tmp_path: Path, then: str) -> None:
    node.kill()
    node.start(python_options=falling.options(("os.remove", "exec.fifo")))
    _fall(node, lambda: node.drop("x.yaml", _ran("x", tmp_path, then)))
    until((tmp_path / "ran").exists, "ran")
    until(lambda: then == FOREVER or not monitors(node), "ended")
    node.start()
    found = node.wait_phase("x-lab", "Running" if then == FOREVER else "Failed")
    state = statuses(found)["c0"]["state"]
    if then == FOREVER:
        assert state["running"]["startedAt"]
    else:
        assert (state["terminated"]["exitCode"], bool(state["terminated"]["startedAt"])) == (3, True)
    assert (tmp_path / "ran").read_text() == "ran\n"


# A stop


def test_killed_before_an_act_of_a_stop(node: Daemon) -> None:
    node.kill()
    for number in count():
        node.start(python_options=falling.options(2 + 5 * number))
        node.clear()
        node.drop("x.yaml", pod("x"))
        node.wait_running("x-lab")
        if not _falls(node, lambda: node.remove("x.yaml"), done=lambda pods: not pods):
            break
    assert number > FEWEST_ACTS / 5
    node.restart()


def test_killed_a_moment_after_a_manifest_went(node: Daemon) -> None:
    for delay_ms in (2, 10, 25, 60):
        for name in ("x", "y"):
            node.drop(f"{name}.yaml", pod(name, FOREVER, FOREVER))
        node.wait_running("x-lab", "y-lab")
        for name in ("x", "y"):
            node.remove(f"{name}.yaml")
        time.sleep(delay_ms / 1000)
        node.restart()
        node.clear()


# A pull


@contextmanager
def _pulling_through(daemon: Daemon, registry: Registry, **options: int) -> Iterator[Relay]:
    """The daemon asks the registry by a way that may be slow or break off."""
    with relay(registry.address, **options) as way:
        port = int(way.address.partition(":")[2])
        write_registries_conf(daemon.directory / "registries.conf", replace(registry, port=port))
        yield way


def _no_pull_is_left(daemon: Daemon) -> None:
    assert [text for _, text in daemon.traces.processes() if "skopeo" in text] == []
    assert list((daemon.state / "images" / "tmp").iterdir()) == []


@pytest.mark.everywhere
def test_killed_in_the_middle_of_a_slow_pull(new_daemon: Callable[..., Daemon], registry: Registry) -> None:
    daemon = new_daemon(backoff={"initial": "200ms"})
    with _pulling_through(daemon, registry, rate=400_000) as way:
        daemon.start()
        for number, delay_ms in enumerate((30, 200, 600)):
            daemon.drop(f"pull{number}.yaml", pod(f"pull{number}", image="nginx"))
            until(lambda: "Pulling" in reasons(daemon.events(), f"pull{number}-lab"), "the pull begun")  # noqa: B023
            time.sleep(delay_ms / 1000)
            daemon.restart()
        way.rate = None
        pods = daemon.wait_running(*(f"pull{number}-lab" for number in range(3)))
    assert {status["restartCount"] for each in pods.values() for status in statuses(each).values()} == {0}
    _no_pull_is_left(daemon)


def test_stopped_in_the_middle_of_a_slow_pull(new_daemon: Callable[..., Daemon], registry: Registry) -> None:
    daemon = new_daemon(backoff={"initial": "200ms"})
    with _pulling_through(daemon, registry, rate=200_000) as way:
        daemon.start()
        daemon.drop("pull.yaml", pod("pull", image="nginx"))
        until(lambda: "Pulling" in reasons(daemon.events(), "pull-lab"), "the pull begun")
        time.sleep(0.3)
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < patient(15)  # the pull itself takes far longer
        _no_pull_is_left(daemon)
        way.rate = None
        daemon.start()
        daemon.wait_running("pull-lab")


def test_a_registry_that_dies_in_the_middle_of_a_blob(new_daemon: Callable[..., Daemon], registry: Registry) -> None:
    daemon = new_daemon(backoff={"initial": "500ms", "max": "1s"})
    with _pulling_through(daemon, registry, limit=300_000) as way:
        daemon.start()
        daemon.drop("pull.yaml", pod("pull", image="nginx"))
        # It is asked again within the pull, and skopeo has a patience of its own each time.
        pods = daemon.wait_for(lambda pods: "ErrImagePull" in str(pods), what="ErrImagePull", within_s=90)
        assert waiting(statuses(pods["pull-lab"])["c0"]) in ("ErrImagePull", "ImagePullBackOff")
        message = next(each["message"] for each in daemon.events() if each["reason"] == "Failed")
        assert message.startswith('container "c0": cannot pull "docker.io/library/nginx:latest": ')
        assert len(message) < 500
        daemon.restart()
        way.limit = None
        daemon.wait_running("pull-lab")
    _no_pull_is_left(daemon)


# The processes that pods are made of


@pytest.mark.everywhere
def test_a_container_whose_process_is_killed(node: Daemon) -> None:
    node.drop("x.yaml", pod("x", FOREVER, FOREVER))
    before = node.wait_running("x-lab")["x-lab"]
    processes = first_processes(node, "x-lab")
    os.kill(processes["c0"], signal.SIGKILL)
    status = node.wait_container("x-lab", lambda status: status["restartCount"] == 1, what="restarted")
    node.wait_running("x-lab")
    ended = status["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["containerID"]) == (
        137,
        "Error",
        f"hostpod://{container_id(before)}",
    )
    after = first_processes(node, "x-lab")
    assert (after["c1"], after["pause"]) == (processes["c1"], processes["pause"])


@pytest.mark.parametrize("daemon_lives", [True, False])
def test_a_container_whose_monitor_is_killed_is_restarted(node: Daemon, daemon_lives: bool) -> None:
    node.drop("x.yaml", pod("x", FOREVER, FOREVER))
    before = node.wait_running("x-lab")["x-lab"]
    processes = first_processes(node, "x-lab")
    if not daemon_lives:
        node.kill()
    os.kill(monitors(node)[container_id(before)], signal.SIGKILL)
    if not daemon_lives:
        node.start()
    status = node.wait_container("x-lab", lambda status: status["restartCount"] == 1, what="restarted")
    node.wait_running("x-lab")
    ended = status["lastState"]["terminated"]
    assert (ended["exitCode"], ended["message"]) == (255, "its monitor (conmon) ended without an exit code")
    after = first_processes(node, "x-lab")
    assert (after["c1"], after["pause"]) == (processes["c1"], processes["pause"])
    assert processes["c0"] not in [pid for pid, _ in node.traces.processes()]


@pytest.mark.parametrize("daemon_lives", [True, False])
def test_a_pause_that_is_killed_is_run_again_and_containers_go_on(node: Daemon, daemon_lives: bool) -> None:
    node.drop("x.yaml", pod("x"))
    before = node.wait_running("x-lab")["x-lab"]
    processes = first_processes(node, "x-lab")
    if not daemon_lives:
        node.kill()
    os.kill(processes["pause"], signal.SIGKILL)
    if not daemon_lives:
        node.start()
    until(lambda: first_processes(node, "x-lab").get("pause", processes["pause"]) != processes["pause"], "a new pause")
    assert first_processes(node, "x-lab")["c0"] == processes["c0"]
    after = node.wait_running("x-lab")["x-lab"]
    assert (container_id(after), after["status"]["podIP"]) == (container_id(before), before["status"]["podIP"])
    namespaces = {Path(f"/proc/{pid}/ns/net").readlink() for pid in first_processes(node, "x-lab").values()}
    assert len(namespaces) == 1


@pytest.mark.everywhere
def test_containers_end_with_a_pause_whose_processes_they_share(node: Daemon) -> None:
    node.drop("x.yaml", pod("x", FOREVER, FOREVER, shareProcessNamespace=True))
    node.wait_running("x-lab")
    os.kill(first_processes(node, "x-lab")["pause"], signal.SIGKILL)
    for container in ("c0", "c1"):
        node.wait_container("x-lab", lambda status: status["restartCount"] == 1, container=container, what="restarted")
    node.wait_running("x-lab")


# Full disks


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system on a disk of its own, empty."""
    image, directory = tmp_path / "disk.ext4", tmp_path / "disk"
    directory.mkdir()
    with image.open("wb") as file:
        file.truncate(48 << 20)
    run("mkfs.ext4", "-q", "-m", "0", image)
    run("mount", "-o", "loop", image, directory)
    yield directory
    run("umount", "--lazy", directory)


@pytest.mark.loop
def test_a_full_state_directory_is_told_and_recovers(new_daemon: Callable[..., Daemon], disk: Path) -> None:
    daemon = new_daemon(directories={"state": str(disk / "state")}, backoff={"initial": "200ms", "max": "500ms"})
    daemon.start()
    daemon.drop("one.yaml", pod("one"))
    before = daemon.wait_running("one-lab")["one-lab"]
    _fill(disk / "full")
    daemon.drop("two.yaml", pod("two"))
    daemon.drop("pull.yaml", pod("pull", image="nginx"))
    for name, reason in (("two-lab", "CreateContainerError"), ("pull-lab", "ErrImagePull")):
        status = daemon.wait_container(name, lambda status: "no space left on device" in str(status), what="told")
        assert reason in str(status["state"]["waiting"])
        told = [each["message"] for each in daemon.events() if each["involvedObject"]["name"] == name]
        assert any("no space left on device" in message for message in told)
    daemon.restart()
    assert container_id(daemon.wait_running("one-lab")["one-lab"]) == container_id(before)
    (disk / "full").unlink()
    daemon.wait_running("one-lab", "two-lab", "pull-lab")


def _told(daemon: Daemon, words: str) -> int:
    """How often."""
    return sum(event["count"] for event in daemon.events() if words in event["message"])


def test_a_full_runtime_directory_is_told_and_recovers(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(backoff={"initial": "200ms", "max": "500ms"})
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", daemon.runtime], check=True)
    daemon.start()
    daemon.drop("one.yaml", pod("one"))
    before = daemon.wait_running("one-lab")["one-lab"]
    _fill(daemon.runtime / "full")
    daemon.drop("two.yaml", pod("two"))
    until(lambda: _told(daemon, "no space left on device"), "told")
    daemon.restart()
    told = _told(daemon, "no space left on device")
    assert container_id(daemon.wait_running("one-lab")["one-lab"]) == container_id(before)
    until(lambda: _told(daemon, "no space left on device") > told, "told again")
    os.kill(first_processes(daemon, "one-lab")["c0"], signal.SIGKILL)
    until(lambda: "cannot write down the end" in str(daemon.events()), "told of an end that cannot be written down")
    (daemon.runtime / "full").unlink()
    daemon.wait_running("two-lab")
    daemon.wait_container("one-lab", lambda status: status["restartCount"] == 1, what="restarted")
    daemon.wait_running("one-lab")
