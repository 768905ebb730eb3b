from __future__ import annotations

from tests.unit.cli.conftest import Hostpod
from tests.unit.server.fake import Served


def test_a_pod_with_its_events(served: Served, hostpod: Hostpod) -> None:
    pod = served.node.pod_items[0]["metadata"]
    about = {"kind": "Pod", "name": pod["name"], "namespace": "default", "uid": pod["uid"]}
    served.node.event_items.append({"involvedObject": about, "type": "Normal", "reason": "Started", "message": "go"})
    text = hostpod("describe", "pod", "t1").stdout
    assert text == hostpod("describe", "pod/t1").stdout
    assert text.startswith("Name:         t1-peer\n")
    assert "  Normal  Started  <unknown>        go\n" in text


def test_all_pods_and_none(served: Served, hostpod: Hostpod) -> None:
    text = hostpod("describe", "pods").stdout
    assert "\n\n\nName:         classic-peer\n" in text
    assert hostpod("describe", "po", "-n", "x").stderr == "No resources found in x namespace.\n"


def test_a_pod_that_is_not_there(hostpod: Hostpod) -> None:
    result = hostpod("describe", "pod", "x")
    words = 'Error from server (NotFound): pods "x" not found\n'
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", words)
    result = hostpod("describe", "pod", "x", "t1")
    assert (result.exit_code, result.stderr) == (1, words)
    assert result.stdout.startswith("Name:         t1-peer\n")


def test_what_is_wrong_with_its_manifest(served: Served, hostpod: Hostpod) -> None:
    problem = {"file": "a.yaml", "line": 3, "path": "spec", "message": "is missing", "keptPod": "t1-peer"}
    served.node.problem_items.append(problem)
    words = "a.yaml:3: spec: is missing (pod t1-peer goes on as it was)\n"
    assert hostpod("describe", "pod", "t1").stderr == words
    assert hostpod("describe", "pod", "classic").stderr == ""
