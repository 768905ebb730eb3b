from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml

from tests.unit.cli.conftest import Hostpod
from tests.unit.server.fake import Served


def event(
    name: str, reason: str, time: str, namespace: str = "default", *, kind: str = "Pod", type_: str = "Normal"
) -> dict[str, Any]:
    about = {"kind": kind, "name": name} | ({} if kind == "Node" else {"namespace": namespace})
    return {
        "metadata": {"name": f"{name}.{reason}".strip("/"), "namespace": namespace},
        "involvedObject": about,
        "type": type_,
        "reason": reason,
        "message": "x",
        "lastTimestamp": time,
    }


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


@pytest.fixture
def others(served: Served) -> None:
    served.node.event_items += [
        event("peer", "SystemOOM", "2026-01-01T00:00:05Z", kind="Node", type_="Warning"),
        event("/etc/m/web.yaml", "FailedValidation", "2026-01-01T00:00:06Z", kind="File", type_="Warning"),
    ]


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(
    ("about", "told"),
    [
        ("web", ["Killing"]),
        ("po/web-peer", ["Killing"]),
        ("peer", []),
        ("node/peer", ["SystemOOM"]),
        ("Node/peer", ["SystemOOM"]),
        ("node/other", []),
        ("file/web.yaml", ["FailedValidation"]),
        ("manifest//etc/m/web.yaml", ["FailedValidation"]),
        ("/etc/m/web.yaml", ["FailedValidation"]),
        ("file/eb.yaml", []),
    ],
)
def test_of_one_object(hostpod: Hostpod, about: str, told: list[str]) -> None:
    assert reasons(hostpod("events", "--for", about).stdout) == told


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(
    ("types", "told"),
    [
        ("Warning", ["SystemOOM", "FailedValidation"]),
        ("normal", ["Pulled", "Started", "Killing"]),
        ("Normal, warning", ["Pulled", "Started", "Killing", "SystemOOM", "FailedValidation"]),
    ],
)
def test_of_some_types(hostpod: Hostpod, types: str, told: list[str]) -> None:
    assert reasons(hostpod("events", "--types", types).stdout) == told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--types", "Error"), '--types: "Error" is none, write Normal, Warning or both: Normal,Warning'),
        (("--for", "job/x"), '--for: there are events of a pod, a node and a file here, not of "job"'),
    ],
)
def test_what_cannot_be_asked_for(hostpod: Hostpod, arguments: tuple[str, ...], words: str) -> None:
    result = hostpod("events", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr


def test_as_objects(hostpod: Hostpod, served: Served) -> None:
    listed = json.loads(hostpod("events", "--for", "t1", "-o", "json").stdout)
    assert (listed["apiVersion"], listed["kind"]) == ("v1", "List")
    assert listed["items"] == [{"apiVersion": "v1", "kind": "Event", **served.node.event_items[n]} for n in (1, 0)]
    assert yaml.safe_load(hostpod("events", "--for", "t1", "-o", "yaml").stdout) == listed
    assert hostpod("events", "-o", "name").stdout.split()[0] == "event/t1-peer.Pulled"
    none = hostpod("events", "--for", "nobody", "-o", "json")
    assert json.loads(none.stdout)["items"] == []


def test_without_a_header(hostpod: Hostpod) -> None:
    assert [line.split()[2] for line in hostpod("events", "--no-headers").stdout.splitlines()] == [
        "Pulled", "Started", "Killing",
    ]  # fmt: skip


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


def test_a_watch_of_objects_is_one_after_the_other(served: Served) -> None:
    command = [sys.executable, "-m", "hostpod", "--socket", str(served.path), "events", "-w", "-o", "name"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline().strip() for _ in range(3)] == [
            "event/t1-peer.Pulled", "event/t1-peer.Started", "event/web-peer.Killing",
        ]  # fmt: skip
        process.terminate()
