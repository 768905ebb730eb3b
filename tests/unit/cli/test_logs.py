from __future__ import annotations

import subprocess
import sys

import pytest

from hostpod.host.clock import now
from tests.unit.cli.conftest import Hostpod
from tests.unit.server.fake import Served


def test_what_a_container_wrote(hostpod: Hostpod) -> None:
    result = hostpod("logs", "t1")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "one\ntwo\n", "")


def test_the_choice_of_a_container_is_told(hostpod: Hostpod) -> None:
    result = hostpod("logs", "pod/classic")
    assert result.stderr == 'Defaulted container "nginx" out of: nginx, truncator\n'
    assert hostpod("logs", "classic", "-c", "truncator").stderr == ""
    assert hostpod("logs", "classic", "truncator").stderr == ""
    both = hostpod("logs", "classic", "truncator", "-c", "nginx")
    assert (both.exit_code, both.stdout) == (1, "")
    assert both.stderr == "error: only one of -c or an inline [CONTAINER] arg is allowed\n"
    assert hostpod("logs", "classic", "x").stderr == ("error: container x is not valid for pod classic-peer\n")


def test_options_go_through(served: Served, hostpod: Hostpod) -> None:
    assert hostpod("logs", "t1", "--tail", "5", "--timestamps", "--limit-bytes", "9").exit_code == 0
    options = served.node.log_options
    assert (options.tail_lines, options.timestamps, options.limit_bytes) == (5, True, 9)
    hostpod("logs", "t1", "--since-time", "1970-01-01T00:01:00Z")
    assert served.node.log_options.since_s == 60
    assert served.node.log_options.tail_lines is None


def test_the_instance_before(hostpod: Hostpod) -> None:
    result = hostpod("logs", "-p", "t1")
    assert result.exit_code == 1
    assert result.stderr == 'error: previous terminated container "main" in pod "t1-peer" not found\n'


@pytest.mark.parametrize(("text", "seconds"), [("5s", 5), ("1h30m", 5400), ("200ms", 1), ("1.5m", 90)])
def test_since_is_a_duration(served: Served, hostpod: Hostpod, text: str, seconds: int) -> None:
    before = now()
    assert hostpod("logs", "t1", "--since", text).exit_code == 0
    assert served.node.log_options.since_s == pytest.approx(before - seconds, abs=5)


def test_usage_errors_end_with_two(hostpod: Hostpod) -> None:
    result = hostpod("logs", "t1", "--since", "soon")
    assert result.exit_code == 2
    assert '"soon" is not a duration, write for example 5s, 2m or 1h30m' in result.stderr
    assert hostpod("logs").exit_code == 2


def test_following_ends_with_the_container(served: Served) -> None:
    command = [sys.executable, "-m", "hostpod", "--socket", str(served.path), "logs", "-f", "t1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert [process.stdout.readline(), process.stdout.readline()] == [b"one\n", b"two\n"]
        served.call(served.node.log_ended.set)
        assert process.stdout.read() == b"end\n"
        assert process.wait(10) == 0
