from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli import golden
from tests.unit.cli.conftest import Hostpod
from tests.unit.server.fake import Served, eventually


def seen(served: Served, seconds_ago: str = "2126-01-01T00:00:00Z") -> None:
    """Fixed ages: times in the future are shown as <invalid>."""
    for pod in served.node.pod_items:
        pod["metadata"]["annotations"]["kubernetes.io/config.seen"] = seconds_ago


def test_golden_table(served: Served, hostpod: Hostpod) -> None:
    seen(served)
    result = hostpod("get", "pods")
    assert (result.exit_code, result.stderr) == (0, "")
    golden.check("get_pods.txt", result.stdout)


def test_golden_wide_table(served: Served, hostpod: Hostpod) -> None:
    seen(served)
    golden.check("get_pods_wide.txt", hostpod("get", "po", "-o", "wide").stdout)
    golden.check("get_pods_all.txt", hostpod("get", "pods", "-A").stdout)


def test_one_pod_by_either_name(hostpod: Hostpod) -> None:
    for name in ("t1", "t1-peer", "pod/t1"):
        assert hostpod("get", "pod", name, "-o", "name").stdout == "pod/t1-peer\n"


def test_a_pod_that_is_not_there(hostpod: Hostpod) -> None:
    result = hostpod("get", "pods", "x", "t1", "y", "-o", "name")
    assert (result.exit_code, result.stdout) == (1, "pod/t1-peer\n")
    words = 'Error from server (NotFound): pods "x" not found\nError from server (NotFound): pods "y" not found\n'
    assert result.stderr == words
    result = hostpod("get", "pods", "x", "y")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", words)
    assert hostpod("get", "pods", "job/x").stderr == 'error: there are only pods here, no "job"\n'


@pytest.mark.parametrize(
    "words", ["pod/t1 -o name", "-o name pods t1", "-n default -o name po/t1-peer", "-o name -n default po t1"]
)
def test_a_pod_is_named_in_each_of_kubectls_ways(hostpod: Hostpod, words: str) -> None:
    assert hostpod("get", *words.split()).stdout == "pod/t1-peer\n"


def test_several_with_their_kind(hostpod: Hostpod) -> None:
    assert hostpod("get", "pod/classic", "pod/t1", "-o", "name").stdout.split() == ["pod/t1-peer", "pod/classic-peer"]


def test_another_kind_is_a_usage_error(hostpod: Hostpod) -> None:
    for words in (("nodes",), ("node/x",), ("-o", "name")):
        assert hostpod("get", *words).exit_code == 2


@pytest.mark.parametrize("kind", ["events", "event", "ev"])
def test_events_can_be_got_too(served: Served, hostpod: Hostpod, kind: str) -> None:
    about = {"kind": "Pod", "name": "t1-peer", "namespace": "default"}
    served.node.event_items.append({"involvedObject": about, "reason": "Started", "message": "go"})
    assert hostpod("get", kind).stdout == hostpod("events").stdout
    assert "Started" in hostpod("get", "-A", kind).stdout


def test_json_and_yaml_are_the_objects(served: Served, hostpod: Hostpod) -> None:
    listed = json.loads(hostpod("get", "pods", "-o", "json").stdout)
    assert (listed["kind"], len(listed["items"])) == ("List", 2)
    assert listed["items"][0] == {"apiVersion": "v1", "kind": "Pod", **served.node.pod_items[0]}
    single = yaml.safe_load(hostpod("get", "pods", "t1", "-o", "yaml").stdout)
    assert single == listed["items"][0]
    assert json.loads(hostpod("get", "pods", "t1", "-o", "json").stdout) == single


def test_labels_choose(hostpod: Hostpod) -> None:
    assert hostpod("get", "pods", "-l", "app=t1", "-o", "name").stdout == "pod/t1-peer\n"
    result = hostpod("get", "pods", "-l", "app in (t1)")
    assert (result.exit_code, result.stdout) == (1, "")


def test_nothing_is_said_on_stderr(served: Served, hostpod: Hostpod) -> None:
    assert hostpod("get", "pods", "-n", "x").stderr == "No resources found in x namespace.\n"
    served.node.pod_items.clear()
    result = hostpod("get", "pods", "-A")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No resources found.\n")


def test_problems_of_manifests_are_shown_below(served: Served, hostpod: Hostpod) -> None:
    problem: dict[str, Any] = {"line": 14, "column": 3, "path": "spec.containers[1].imagee"}
    problem |= {"message": 'unknown field, did you mean "image"?', "keptPod": "t1-peer"}
    whole: dict[str, Any] = {"line": 0, "column": 0, "path": "", "message": "cannot be read", "keptPod": "a, b"}
    served.node.problem_items += [{"file": "/m/t1.yaml", **problem}, {"file": "/m/x.yaml", **whole}]
    result = hostpod("get", "pods")
    assert result.exit_code == 0
    assert result.stderr == (
        "\nProblems in manifests:\n"
        '  /m/t1.yaml:14: spec.containers[1].imagee: unknown field, did you mean "image"? '
        "(pod t1-peer goes on as it was)\n"
        "  /m/x.yaml: cannot be read (pods a, b go on as they were)\n"
    )
    assert "t1.yaml:14" in hostpod("get", "pods", "t1").stderr
    assert hostpod("get", "pods", "classic").stderr == ""


def test_no_headers(hostpod: Hostpod) -> None:
    assert hostpod("get", "pods", "--no-headers").stdout.startswith("t1-peer ")


def test_a_watch_goes_on_with_changes(served: Served) -> None:
    seen(served)
    command = [sys.executable, "-m", "hostpod", "--socket", str(served.path), "get", "pods", "-w"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(3)]
        assert first[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
        eventually(lambda: served.node.watchers == 1)
        gone = {**served.node.pod_items[0], "metadata": {**served.node.pod_items[0]["metadata"]}}
        gone["metadata"]["deletionTimestamp"] = "2026-11-21T08:00:00Z"
        served.call(lambda: served.node.change("MODIFIED", gone))
        assert process.stdout.readline() == "t1-peer        1/1     Terminating   0          <invalid>\n"
        process.send_signal(2)
        assert process.wait(10) == 130


def test_a_watch_says_when_the_daemon_ends_it(tmp_path: Path) -> None:
    server = Served(tmp_path)
    with server.running():
        command = [sys.executable, "-m", "hostpod", "--socket", str(server.path), "get", "pods", "-w"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        eventually(lambda: server.node.watchers == 1)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode == 1
    assert stderr.startswith(b"error: ")
