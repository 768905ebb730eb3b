from __future__ import annotations

import subprocess
import sys

import pytest

from tests.unit.server.fake import Served


def attach(served: Served, *arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    argv = [sys.executable, "-m", "hostpod", "--socket", str(served.path), "attach", *arguments]
    return subprocess.run(argv, input=text, capture_output=True, check=False, timeout=20)


def test_stdin_goes_in_and_the_end_of_the_container_is_success(served: Served) -> None:
    result = attach(served, "-i", "t1", text=b"hello")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"hello", b"")


def test_what_is_refused_is_told(served: Served) -> None:
    result = attach(served, "-i", "classic", "-c", "nginx")
    assert (result.returncode, result.stderr) == (1, b'error: container "nginx" has no stdin\n')


@pytest.mark.parametrize(
    ("tty", "words"),
    [
        (False, b"error: Unable to use a TTY - container main did not allocate one\n"),
        (True, b"Unable to use a TTY - input is not a terminal or the right kind of file\n"),
    ],
)
def test_a_terminal_that_cannot_be(served: Served, words: bytes, *, tty: bool) -> None:
    (pod,) = (each for each in served.node.pod_items if each["metadata"]["name"].startswith("t1"))
    pod["spec"]["containers"][0]["tty"] = tty
    result = attach(served, "-it", "t1", text=b"x")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"x", words)
