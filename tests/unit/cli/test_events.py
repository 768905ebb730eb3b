from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.unit.cli.conftest import Hostpod
from tests.unit.server.fake import Served


def event(name: str, reason: str, time: str, namespace: str = "default") -> dict[str, Any]:
    about = {"kind": "Pod", "name": name, "namespace": namespace}
    return {"involvedObject": about, "type": "Normal", "reason": reason, "message": "x", "lastTimestamp": time}


@pytest.fixture(autouse=True)
def some(served: Served) -> None:
    served.node.event_items += [
        event("t1-peer", "Started", "2026-01-01T00:00:02Z"),
        event("t1-peer", "Pulled", "2026-01-01T00:00:01Z"),
        event("web-peer", "Killing", "2026-01-01T00:00:03Z"),
        event("dns-peer", "Started", "2026-01-01T00:00:04Z", "kube-system"),
    ]


def reasons(text: str) -> list[str]:
    return [line.split()[2] for line in text.splitlines()[1:]]


def test_oldest_first_and_of_the_namespace(hostpod: Hostpod) -> None:
    text = hostpod("events").stdout
    assert text.splitlines()[0].split() == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert reasons(text) == ["Pulled", "Started", "Killing"]


def test_of_one_pod(hostpod: Hostpod) -> None:
    assert reasons(hostpod("events", "--for", "pod/t1").stdout) == ["Pulled", "Started"]


def test_of_every_namespace(hostpod: Hostpod) -> None:
    lines = hostpod("events", "-A").stdout.splitlines()
    assert lines[-1].split()[0] == "kube-system"
    assert len(lines) == 5


def test_none(hostpod: Hostpod) -> None:
    assert hostpod("events", "-n", "x").stderr == "No events found in x namespace.\n"


def test_a_watch_does_not_repeat_what_it_showed(served: Served) -> None:
    command = [sys.executable, "-m", "hostpod", "--socket", str(served.path), "events", "-w"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert reasons("".join(process.stdout.readline() for _ in range(4))) == ["Pulled", "Started", "Killing"]
        process.terminate()
        assert process.stdout.read() == ""
