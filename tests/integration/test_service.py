"""The daemon as a service: what systemd hears and hands over, reloads, the watchdog, and how pods end with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import client
from lab.narration import until
from lab.place import patient
from lab.registry import free_port
from tests.integration.harness import FOREVER, Daemon, pod, statuses
from tests.integration.service_kit import service
from tests.integration.test_settings import change

pytestmark = pytest.mark.integration

# Takes its time to end, and writes down when it did; the volume is a directory of the host.
SLOW = "trap 'sleep 0.3; cat /proc/uptime > /out/$NAME; exit 0' TERM; while :; do sleep 3600 & wait $!; done"


def slow(name: str, directory: Path, *, grace_s: int = 10, **spec: Any) -> dict[str, Any]:
    """A pod that leaves a file with the time of its end."""
    manifest = pod(name, SLOW, grace_s=grace_s, **spec)
    manifest["spec"]["volumes"] = [{"name": "out", "hostPath": {"path": str(directory)}}]
    (container,) = manifest["spec"]["containers"]
    container["volumeMounts"] = [{"name": "out", "mountPath": "/out"}]
    container["env"] = [{"name": "NAME", "value": name}]
    return manifest


def ended(directory: Path) -> list[str]:
    """The names of the pods that ended by themselves, in order."""
    return [path.name for path in sorted(directory.iterdir(), key=lambda path: float(path.read_text().split()[0]))]


# What systemd hears


@pytest.mark.everywhere
def test_ready_comes_last_and_the_status_is_told_on_change_only(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    daemon.drop("web.yaml", pod("web", FOREVER))
    with service(daemon) as systemd:
        assert systemd.hear("READY=1")[-1] == "READY=1"
        socket.create_connection(("127.0.0.1", daemon.port), timeout=1).close()
        assert client.get(daemon.socket, "/pods")["items"]
        systemd.hear("STATUS=1 pod running")
        daemon.drop("bad.yaml", "kind: Pood\n")
        systemd.hear("STATUS=1 pod running; 1 manifest broken")
        assert systemd.heard(for_s=2) == []
        daemon.remove("bad.yaml")
        daemon.drop("crash.yaml", pod("crash", "exit 1"))
        systemd.hear("STATUS=1 pod running, 1 backing off")
        systemd.signal(signal.SIGTERM)
        systemd.hear("STOPPING=1")
        assert systemd.wait() == 0


def test_pods_of_an_earlier_daemon_are_in_the_first_status(daemon: Daemon) -> None:
    daemon.drop("web.yaml", pod("web", FOREVER))
    daemon.wait_running("web-lab")
    daemon.kill()
    with service(daemon) as systemd:
        *before, ready, status = systemd.hear("STATUS=")
        assert (ready, status) == ("READY=1", "STATUS=1 pod running")
        assert before  # what is found has its own time, however much it is
        assert {line.partition("=")[0] for line in before} == {"EXTEND_TIMEOUT_USEC"}


# A start that takes long

HANGS = """#!/bin/sh
case " $* " in *" delete "*) touch "$0.hangs"; exec sleep 3600;; esac
exec runc "$@"
"""


def test_a_start_that_takes_long_is_given_time_and_can_be_stopped(
    new_daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    runc = tmp_path / "runc"
    runc.write_text(HANGS)
    runc.chmod(0o755)
    daemon = new_daemon(binaries={"runc": str(runc)}, stopPodsOnExit=True)
    stray = daemon.runtime / "runc/stray"
    stray.mkdir(parents=True)
    with service(daemon) as systemd:
        systemd.hear("EXTEND_TIMEOUT_USEC=")
        until(runc.with_name("runc.hangs").exists, within_s=patient(20))
        systemd.signal(signal.SIGTERM)
        heard = systemd.hear("STOPPING=1")
        assert "READY=1" not in heard
        assert systemd.wait() == 0
    journal = daemon.journal.read_text()
    assert "stopping before the start was over; containers go on" in journal
    assert "stopPodsOnExit: pods were not adopted yet and go on; end them with: hostpod drain" in journal
    change(daemon, binaries={"runc": "runc"})
    daemon.start()
    assert not stray.exists()


# Sockets that are bound already


@pytest.mark.everywhere
def test_sockets_that_are_handed_over_are_served_and_stay(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    port = free_port()
    with (
        socket.create_server(("127.0.0.1", port)) as tcp,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as unix,
    ):
        unix.bind(str(daemon.socket))
        unix.listen()
        inode = daemon.socket.stat().st_ino
        for _ in range(2):  # a client that comes between two daemons just waits
            with service(daemon, sockets=[unix, tcp]) as systemd:
                with socket.create_connection(("127.0.0.1", port), timeout=patient(20)) as early:
                    early.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                    assert b"200 OK" in early.recv(4096)
                systemd.hear("READY=1")
                assert client.get(daemon.socket, "/pods")["items"] == []
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", daemon.port), timeout=1)
                systemd.signal(signal.SIGTERM)
                assert systemd.wait() == 0
                assert daemon.socket.stat().st_ino == inode
    daemon.socket.unlink()


def test_the_one_that_is_not_handed_over_is_bound(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as tcp, service(daemon, sockets=[tcp]) as systemd:
        systemd.hear("READY=1")
        assert client.get(daemon.socket, "/pods")["items"] == []
        systemd.signal(signal.SIGTERM)
        assert systemd.wait() == 0
        assert not daemon.socket.exists()


# Reload


@pytest.mark.everywhere
def test_a_reload_changes_what_can_change_and_names_what_cannot(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(maxPods=1, manifests={"maxBytes": 1024}, backoff={"initial": "1h", "max": "1h"})
    daemon.drop("a.yaml", pod("a", FOREVER))
    daemon.drop("b.yaml", pod("b", FOREVER))
    daemon.drop("large.yaml", "# " + 2000 * "x" + "\n" + str(pod("large", FOREVER)))
    daemon.drop("crash.yaml", pod("c", "exit 1"))
    with service(daemon) as systemd:
        systemd.hear("READY=1")
        before = daemon.wait_running("a-lab")["a-lab"]
        change(
            daemon,
            maxPods=9,
            logLevel="debug",
            manifests={"maxBytes": 65536},
            backoff={"initial": "1s", "max": "1s"},
            network={"mtu": 1400},
            http={"address": "127.0.0.2"},
        )
        systemd.signal(signal.SIGHUP)
        heard = systemd.hear("READY=1")
        assert heard[heard.index("RELOADING=1") + 1].startswith("MONOTONIC_USEC=")
        pods = daemon.wait_running("a-lab", "b-lab", "large-lab")
        assert pods["a-lab"]["metadata"]["uid"] == before["metadata"]["uid"]
        assert statuses(pods["a-lab"]) == statuses(before)
        daemon.wait_container("c-lab", lambda status: status["restartCount"] >= 2, what="restarted by the new rule")
        journal = daemon.journal.read_text()
    assert "settings reloaded: maxPods 1 → 9, logLevel info → debug, manifests.maxBytes 1024 → 65536, " in journal
    assert "WARNING: needs a restart: http.address, network.mtu\n" in journal


def test_a_broken_file_changes_nothing_and_says_where(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    with service(daemon) as systemd:
        systemd.hear("READY=1")
        good = daemon.config.read_text()
        daemon.config.write_text(f"{good}maxPods: many\n")
        line = len(good.splitlines()) + 1
        systemd.signal(signal.SIGHUP)
        systemd.hear("READY=1")
        assert f'settings stay as they were: {daemon.config}:{line}: maxPods: "many" is not a whole number' in (
            daemon.journal.read_text()
        )
        daemon.config.write_text(good)
        daemon.drop("web.yaml", pod("web", FOREVER))
        daemon.wait_running("web-lab")


# The watchdog


def test_the_watchdog_is_fed_while_work_goes_on(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    daemon.drop("web.yaml", pod("web", FOREVER))
    with service(daemon, environment={"WATCHDOG_USEC": "1000000"}) as systemd:
        systemd.hear("STATUS=1 pod running")
        for _ in range(5):
            systemd.hear("WATCHDOG=1")
        assert "Stalled" not in daemon.journal.read_text()


def test_a_daemon_that_stands_still_is_not_fed(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    with service(daemon, environment={"WATCHDOG_USEC": "600000"}) as systemd:
        systemd.hear("WATCHDOG=1")
        systemd.signal(signal.SIGSTOP)
        systemd.heard(for_s=0.2)
        assert "WATCHDOG=1" not in systemd.heard(for_s=1.5)
        systemd.signal(signal.SIGCONT)
        systemd.hear("WATCHDOG=1")


def test_a_watchdog_of_another_process_is_none_of_ours(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    with service(daemon) as systemd:
        systemd.hear("READY=1")
        assert "WATCHDOG=1" not in systemd.heard(for_s=1)


# How pods end with the daemon


def test_pods_end_in_order_where_it_is_wanted(new_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    daemon = new_daemon(stopPodsOnExit=True)
    out = tmp_path / "out"
    out.mkdir()
    daemon.drop("high.yaml", slow("high", out, priority=2000000000))
    daemon.drop("mid.yaml", slow("mid", out, priority=5))
    daemon.drop("low.yaml", slow("low", out))
    daemon.drop("job.yaml", pod("job", "exit 0", restartPolicy="Never"))
    with service(daemon) as systemd:
        systemd.hear("READY=1")
        daemon.wait_running("high-lab", "mid-lab", "low-lab")
        daemon.wait_phase("job-lab", "Succeeded")
        systemd.signal(signal.SIGTERM)
        heard = systemd.hear("EXTEND_TIMEOUT_USEC=")
        assert "STOPPING=1" in heard
        assert int(heard[-1].partition("=")[2]) >= 30e6
        assert systemd.wait() == 0
    assert ended(out) == ["low", "mid", "high"]
    daemon.start()  # a pod that was done is not done again
    pods = daemon.wait_running("high-lab", "mid-lab", "low-lab")
    assert pods["job-lab"]["status"]["phase"] == "Succeeded"
    assert statuses(pods["job-lab"])["c0"]["restartCount"] == 0


def drain(daemon: Daemon) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "hostpod", "drain", "--config", str(daemon.config)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=patient(60), check=False)


@pytest.mark.everywhere
def test_a_drained_host_has_nothing_left_of_pods(new_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    daemon = new_daemon()
    out = tmp_path / "out"
    out.mkdir()
    daemon.start()
    daemon.drop("high.yaml", slow("high", out, priority=7))
    daemon.drop("low.yaml", slow("low", out))
    daemon.drop("deaf.yaml", pod("deaf", "trap '' TERM; while :; do sleep 1; done", grace_s=1, priority=9))
    daemon.drop("job.yaml", pod("job", "exit 0", restartPolicy="Never"))
    daemon.wait_running("high-lab", "low-lab", "deaf-lab")
    daemon.wait_phase("job-lab", "Succeeded")

    refused = drain(daemon)
    assert refused.returncode == 1
    assert "cannot drain this host: the daemon runs: stop it and its sockets first" in refused.stderr
    daemon.wait_running("high-lab", "low-lab", "deaf-lab")

    daemon.stop()
    began = time.monotonic()
    drained = drain(daemon)
    assert drained.returncode == 0, drained.stderr
    assert time.monotonic() - began < patient(15)
    names = ["deaf-lab", "high-lab", "job-lab", "low-lab"]
    said = drained.stdout.splitlines()
    assert sorted(said) == [f"pod default/{name} {what}" for name in names for what in ("ended", "is asked to end")]
    in_order = [
        f"pod default/{name} {what}" for name in ("low-lab", "high-lab") for what in ("is asked to end", "ended")
    ]
    assert [line for line in said if line in in_order] == in_order
    assert ended(out) == ["low", "high"]
    assert daemon.traces.of_instance() == []
    assert [path for path in daemon.runtime.rglob("*") if path.is_mount()] == []

    again = drain(daemon)
    assert (again.returncode, again.stdout) == (0, "")
    daemon.start()
    daemon.wait_running("high-lab", "low-lab", "deaf-lab")


def test_a_host_can_be_drained_after_a_crash_and_without_the_programs_that_start_pods(
    new_daemon: Callable[..., Daemon],
) -> None:
    daemon = new_daemon()
    daemon.start()
    daemon.drop("web.yaml", pod("web", FOREVER))
    daemon.wait_running("web-lab")
    daemon.kill()
    assert os.path.exists(daemon.socket)  # noqa: PTH110 - what the crash left
    change(daemon, binaries={"conmon": "/none/conmon", "skopeo": "/none/skopeo", "catatonit": "/none/catatonit"})
    drained = drain(daemon)
    said = "pod default/web-lab is asked to end\npod default/web-lab ended\n"
    assert (drained.returncode, drained.stdout) == (0, said), drained.stderr
    assert daemon.traces.of_instance() == []
    change(daemon, binaries={"conmon": "conmon", "skopeo": "skopeo", "catatonit": "catatonit"})
