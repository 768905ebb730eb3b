"""stdin, stdinOnce and tty of containers, and people who attach to them."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.place import patient
from tests.integration.harness import Daemon, container, pod

pytestmark = pytest.mark.integration

ECHO = "while read -r line; do echo got $line; echo err $line >&2; done; echo end of stdin; exec sleep 1000"
SHELL = (
    "tty; until [ \"$(stty size)\" = '33 99' ]; do sleep 0.05; done; echo ready; "
    'while read -r line; do eval "$line"; done'
)


@pytest.fixture(scope="module")
def talk(shared_daemon: Daemon) -> Iterator[Daemon]:
    made = pod("talk", "readlink /proc/self/fd/0; readlink -f /dev/stdin; exec sleep 1000")
    made["spec"]["containers"] += [
        container("open", ECHO, stdin=True),
        container("once", ECHO, stdin=True, stdinOnce=True),
        container("shell", SHELL, stdin=True, tty=True),
    ]
    shared_daemon.drop("talk.yaml", made)
    shared_daemon.wait_running("talk-lab")
    yield shared_daemon
    shared_daemon.clear()


@contextmanager
def attached(node: Daemon, name: str, *flags: str, **streams: int) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "hostpod", "attach", *flags, "talk", "-c", name]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    environment = {**os.environ, "HOSTPOD_SOCKET": str(node.socket)}
    with subprocess.Popen(argv, env=environment, start_new_session=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def until(fd: int, wanted: str) -> str:
    """Read until something comes."""
    text = ""
    while wanted not in text:
        assert select.select([fd], [], [], patient(10))[0], f"no {wanted!r} in {text!r}"
        text += os.read(fd, 4096).decode(errors="replace")
    return text


def tell(process: subprocess.Popen[bytes], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n".encode())
    process.stdin.flush()


def out(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    return process.stdout.fileno()


def test_without_stdin_there_is_nothing_to_read(talk: Daemon) -> None:
    assert talk.wait_said("talk-lab", "null\n").startswith("/dev/null")
    refused = talk.cli("attach", "-i", "talk", "-c", "c0")
    assert refused.returncode == 1
    assert 'container "c0" has no stdin: set stdin: true in its manifest' in refused.stderr
    assert "error: Unable to use a TTY - container c0 did not allocate one" in talk.cli("attach", "-it", "talk").stderr


def test_stdin_stays_open_over_attachments_and_restarts_of_the_daemon(talk: Daemon) -> None:
    with attached(talk, "open", "-i") as process:
        tell(process, "one")
        until(out(process), "got one\n")
        assert process.stderr is not None
        assert until(process.stderr.fileno(), "one\n") == "err one\n"
    talk.kill()
    talk.start()
    with attached(talk, "open", "-i") as process:
        tell(process, "two")
        assert until(out(process), "got two\n") == "got two\n", "what was written before is in the log"
    assert "end of stdin" not in talk.said("talk-lab", "open")


def test_stdin_once_ends_with_who_wrote_to_it_and_not_with_who_looked(talk: Daemon) -> None:
    with attached(talk, "once") as looks, attached(talk, "once", "-i") as writes:
        while not select.select([out(looks)], [], [], 0.05)[0]:
            tell(writes, "knock")  # until both are there
        for line in range(1000):
            tell(writes, f"line {line}")
        until(out(writes), "got line 999\n")
        until(out(looks), "got line 999\n")
        looks.kill()
        looks.wait()
        tell(writes, "still here")
        until(out(writes), "got still here\n")
        assert writes.stdin is not None
        writes.stdin.close()
        until(out(writes), "end of stdin\n")
    assert talk.said("talk-lab", "once").count("got line") == 1000


def test_a_terminal_has_a_size_and_one_stream_and_the_end_is_told(talk: Daemon) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    with attached(talk, "shell", "-it", stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        until(ours, "ready")  # the container has the size of this terminal
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 70, 0, 0))
        process.send_signal(signal.SIGWINCH)  # as the kernel would, were it its controlling terminal
        os.write(ours, b"until stty size | grep '20 70'; do sleep 0.05; done; echo to stderr >&2; echo $TERM\r")
        assert "\r\n20 70\r\n" in until(ours, "\r\nxterm\r\n")
        os.write(ours, b"exit 3\r")
        assert process.wait(patient(10)) == 0, "to have seen the end is no failure"
    os.close(ours)
    log = talk.said("talk-lab", "shell", previous=True)
    assert "/dev/pts/0\r\n" in log
    assert "to stderr\r\n" in log
