from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

from tests.unit.cli.conftest import Hostpod
from tests.unit.server.fake import Served, eventually


def argv(served: Served, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "hostpod", "--socket", str(served.path), "exec", *arguments]


def test_output_error_and_exit_code(served: Served) -> None:
    result = subprocess.run(argv(served, "t1", "--", "fail", "3"), capture_output=True, check=False, timeout=20)
    assert (result.returncode, result.stdout) == (3, b"out\n")
    assert result.stderr == b"err\ncommand terminated with exit code 3\n"


def test_stdin_goes_in_and_ends(served: Served) -> None:
    text = b"x" * 300_000
    result = subprocess.run(
        argv(served, "-i", "classic", "--", "cat"), input=text, capture_output=True, check=False, timeout=20
    )
    assert (result.returncode, result.stdout) == (0, text)
    assert result.stderr == b'Defaulted container "nginx" out of: nginx, truncator\n'


def test_stdin_from_a_file(served: Served, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("hello")
    with (tmp_path / "in").open() as file:
        result = subprocess.run(
            argv(served, "-i", "t1", "--", "cat"), check=False, stdin=file, capture_output=True, timeout=20
        )
    assert result.stdout == b"hello"


def test_without_i_there_is_no_stdin(served: Served) -> None:
    result = subprocess.run(argv(served, "t1", "--", "cat"), check=False, input=b"no", capture_output=True, timeout=20)
    assert (result.returncode, result.stdout) == (0, b"")


def test_a_terminal_is_raw_and_its_size_goes_through(served: Served) -> None:
    ours, theirs = pty.openpty()
    os.set_blocking(ours, True)
    _set_size(ours, rows=24, columns=80)
    command = argv(served, "-it", "t1", "--", "size")
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        assert os.read(ours, 100) == b"80x24\n"  # a cooked terminal would make \r\n of it
        _set_size(ours, rows=30, columns=100)
        process.send_signal(signal.SIGWINCH)
        assert os.read(ours, 100) == b"100x30\n"
        os.write(ours, b"\x03")  # no interrupt: the command in the container gets it
        assert os.read(ours, 100) == b"\x03"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
    eventually(lambda: served.node.sessions[0].killed)
    os.close(theirs)
    os.close(ours)


def test_on_a_terminal_too_what_cannot_be_started_is_one_line(served: Served) -> None:
    ours, theirs = pty.openpty()
    command = argv(served, "-it", "t1", "--", "nowhere")
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.read() == b'error: container "main" in pod "t1-peer" does not run\n'
        assert process.wait(10) == 1
    os.close(theirs)
    os.close(ours)


def _set_size(fd: int, *, rows: int, columns: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def test_no_terminal_is_told(served: Served) -> None:
    result = subprocess.run(
        argv(served, "-it", "t1", "--", "cat"), check=False, input=b"x", capture_output=True, timeout=20
    )
    assert result.stderr == b"Unable to use a TTY - input is not a terminal or the right kind of file\n"
    assert result.stdout == b"x"


def test_interrupt_kills_the_command(served: Served) -> None:
    with subprocess.Popen(argv(served, "t1", "--", "sleep"), stderr=subprocess.PIPE) as process:
        eventually(lambda: bool(served.node.sessions))
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""
    eventually(lambda: served.node.sessions[0].killed)


def test_a_reader_that_goes_ends_it_like_any_filter(served: Served) -> None:
    with subprocess.Popen(argv(served, "t1", "--", "yes"), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"y\n"
        process.stdout.close()
        assert process.wait(10) == 128 + signal.SIGPIPE


def test_what_cannot_be_started(served: Served) -> None:
    result = subprocess.run(argv(served, "t1", "--", "nowhere"), check=False, capture_output=True, timeout=20)
    assert result.returncode == 1
    assert result.stderr == b'error: container "main" in pod "t1-peer" does not run\n'


def test_a_container_that_is_not_there(served: Served, hostpod: Hostpod) -> None:
    result = hostpod("exec", "t1", "-c", "x", "--", "ls")
    assert (result.exit_code, result.stderr) == (1, "error: container x is not valid for pod t1-peer\n")
    assert hostpod("exec", "t1").exit_code == 2
