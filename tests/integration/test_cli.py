"""The hostpod command against a real daemon and real containers."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import stat
import struct
import subprocess
import sys
import tarfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import images
from lab.place import patient
from tests.integration.harness import Daemon

pytestmark = pytest.mark.integration

TALK = """\
apiVersion: v1
kind: Pod
metadata: {name: talk, labels: {app: talk}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: busybox
    command: [sh, -c]
    args:
    - |
      echo first
      printf "half a "; sleep 0.2; echo line
      head -c 30000 /dev/zero | tr '\\0' x; echo
      echo last
      trap 'exit 0' TERM
      while :; do sleep 0.1; done
"""
COUNT = """\
apiVersion: v1
kind: Pod
metadata: {name: count}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: busybox
    command: [sh, -c, 'echo run; sleep 2; echo end; exit 3']
"""


@pytest.fixture
def talk(daemon: Daemon) -> Daemon:
    daemon.drop("talk.yaml", TALK)
    daemon.wait_running("talk-lab")
    deadline = time.monotonic() + patient(10)
    while "last" not in daemon.cli("logs", "talk").stdout and time.monotonic() < deadline:
        time.sleep(0.05)
    return daemon


def argv(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hostpod", *arguments]


def environment(daemon: Daemon) -> dict[str, str]:
    return {**os.environ, "HOSTPOD_SOCKET": str(daemon.socket)}


@pytest.mark.everywhere
def test_pods_are_listed_and_described(talk: Daemon) -> None:
    listed = talk.cli("get", "pods", "-l", "app=talk")
    assert [line.split()[:4] for line in listed.stdout.splitlines()] == [
        ["NAME", "READY", "STATUS", "RESTARTS"],
        ["talk-lab", "1/1", "Running", "0"],
    ]
    text = talk.cli("describe", "pod", "talk").stdout
    assert "    State:          Running\n" in text
    assert "Started container main" in text
    assert "Started" in talk.cli("events", "--for", "talk").stdout


def test_logs_are_whole_lines(talk: Daemon) -> None:
    assert talk.cli("logs", "talk").stdout.splitlines() == ["first", "half a line", "x" * 30000, "last"]
    assert talk.cli("logs", "talk", "--tail", "2").stdout.splitlines() == ["x" * 30000, "last"]
    assert talk.cli("logs", "talk", "--tail", "1", "--timestamps").stdout.split()[1] == "last"


def test_a_followed_log_ends_with_its_container(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(backoff={"initial": "1s"})
    daemon.start()
    daemon.drop("count.yaml", COUNT)
    daemon.wait_running("count-lab")
    began = time.monotonic()
    assert daemon.cli("logs", "-f", "count").stdout == "run\nend\n"
    assert time.monotonic() - began < patient(20)
    daemon.wait_for(
        lambda pods: pods["count-lab"]["status"]["containerStatuses"][0]["restartCount"] > 0, what="a restart"
    )
    assert daemon.cli("logs", "-p", "count").stdout == "run\nend\n"


@pytest.mark.everywhere
def test_commands_in_containers(talk: Daemon) -> None:
    ended = talk.cli("exec", "talk", "--", "sh", "-c", "echo out; echo err >&2; exit 4")
    assert (ended.returncode, ended.stdout) == (4, "out\n")
    assert ended.stderr == "err\ncommand terminated with exit code 4\n"
    archive = os.urandom(300_000)
    copied = subprocess.run(
        argv("exec", "-i", "talk", "--", "cat"),
        input=archive,
        env=environment(talk),
        capture_output=True,
        timeout=patient(20),
        check=True,
    )
    assert copied.stdout == archive


def test_an_interrupted_command_does_not_go_on(talk: Daemon) -> None:
    command = argv("exec", "talk", "--", "sh", "-c", "echo go; exec sleep 1000")
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(talk)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"go\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(patient(10)) == 130
    deadline = time.monotonic() + patient(5)
    while "sleep 1000" in talk.cli("exec", "talk", "--", "ps").stdout:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_shell_on_a_terminal(talk: Daemon) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    shell = argv("exec", "-it", "talk", "--", "sh")
    process = subprocess.Popen(shell, stdin=theirs, stdout=theirs, env=environment(talk), start_new_session=True)
    os.close(theirs)
    try:
        until(ours, "# ")
        os.write(ours, b"stty size\r")
        until(ours, "33 99")
        os.write(ours, b"echo g''o; sleep 1000\r")
        until(ours, "go\r\n")
        os.write(ours, b"\x03")  # Ctrl-C ends the sleep, not the command on this side
        until(ours, "# ")
        os.write(ours, b"exit 7\r")
        assert process.wait(patient(10)) == 7
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def until(fd: int, wanted: str) -> None:
    """Read a terminal until something is on it."""
    text = ""
    while wanted not in text:
        assert select.select([fd], [], [], patient(10))[0], f"no {wanted!r} in {text!r}"
        text += os.read(fd, 4096).decode(errors="replace")


def test_images_are_pulled_loaded_and_listed(daemon: Daemon, tmp_path: Path) -> None:
    assert "Pulled docker.io/library/nginx:latest" in daemon.cli("image", "pull", "nginx").stdout
    archive = tmp_path / "busybox.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(images.layout("busybox"), arcname=".")
    loaded = daemon.cli("image", "load", str(archive))
    assert (loaded.returncode, loaded.stdout[:6]) == (0, "Loaded"), loaded.stderr
    assert len(daemon.cli("images").stdout.splitlines()) == 3
    refused = daemon.cli("image", "pull", "127.0.0.1:1/none")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: cannot pull ")


def test_a_broken_manifest_is_shown(talk: Daemon) -> None:
    talk.drop("talk.yaml", TALK.replace("image:", "imagee:"))
    deadline = time.monotonic() + patient(5)
    while "Problems" not in talk.cli("get", "pods").stderr and time.monotonic() < deadline:
        time.sleep(0.05)
    result = talk.cli("get", "pods")
    assert f"{talk.manifests}/talk.yaml:8: spec.containers[0].imagee: unknown field" in result.stderr
    assert "(pod talk-lab goes on as it was)" in result.stderr
    assert "Running" in result.stdout


def test_the_socket_is_for_root_and_the_group(daemon: Daemon) -> None:
    assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o660
    refused = subprocess.run(
        argv("get", "pods"),
        env=environment(daemon),
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    assert refused.returncode == 1
    assert b"be root or in the group hostpod" in refused.stderr
