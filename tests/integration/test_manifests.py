"""Manifests through the daemon and `hostpod validate`: forms, defaults, mistakes, what is refused, what is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import client
from tests.integration.harness import FOREVER, Daemon, pod, reasons, statuses

pytestmark = pytest.mark.integration

FIVE_MISTAKES = """\
apiVersion: v1
kind: Pod
metadata:
  name: Web_1
spec:
  restartPolicy: Sometimes
  containers:
  - name: web
    imagee: nginx
    ports:
    - containerPort: "80"
    volumeMounts:
    - {name: logs, mountPath: /logs}
"""


def wait_problems(node: Daemon, count: int) -> list[dict[str, Any]]:
    """The problems as soon as there are so many. Each new one is an event, so their watch tells when to look."""
    if len(found := node.problems()) != count:
        with client.watch(node.socket, "/events?watch=1", timeout_s=10) as changes:
            while len(found := node.problems()) != count:
                next(changes)
    return found


@pytest.mark.everywhere
def test_five_mistakes_are_five_lines(node: Daemon) -> None:
    draft = node.directory / "web.yaml"
    draft.write_text(FIVE_MISTAKES)
    checked = node.cli("validate", str(draft))
    lines = checked.stderr.splitlines()
    assert checked.returncode == 1
    assert checked.stdout == ""
    assert [line.removeprefix(f"{draft}:").split(": ")[:2] for line in lines] == [
        ["4", "metadata.name"],
        ["6", "spec.restartPolicy"],
        ["9", "spec.containers[0].imagee"],
        ["11", "spec.containers[0].ports[0].containerPort"],
        ["13", "spec.containers[0].volumeMounts[0].name"],
    ]
    assert 'did you mean "image"?' in lines[2]

    node.drop("web.yaml", FIVE_MISTAKES)
    problems = wait_problems(node, 5)
    assert [problem["message"] for problem in problems] == [line.split(": ", 2)[2] for line in lines]
    assert [problem["line"] for problem in problems] == [4, 6, 9, 11, 13]
    assert node.pods() == {}
    listed = node.cli("get", "pods")
    assert listed.returncode == 0
    assert listed.stdout == ""
    assert [line for line in listed.stderr.splitlines() if str(node.manifests) in line] == [
        f"  {line.replace(str(draft), str(node.manifests / 'web.yaml'))}" for line in lines
    ]


def test_a_broken_edit_is_shown_everywhere_and_the_pod_goes_on(node: Daemon) -> None:
    node.drop("web.yaml", pod("web", FOREVER))
    before = node.wait_running("web-lab")["web-lab"]
    broken = pod("web", FOREVER)
    broken["spec"]["containers"][0]["imagee"] = "nginx"
    node.drop("web.yaml", yaml.safe_dump(broken))
    (problem,) = wait_problems(node, 1)
    place = f"{node.manifests / 'web.yaml'}:{problem['line']}: spec.containers[0].imagee: unknown field"
    assert problem["keptPod"] == "web-lab"
    assert node.pods()["web-lab"] == before
    listed = node.cli("get", "pods")
    assert listed.stdout.splitlines()[1].split()[:3] == ["web-lab", "1/1", "Running"]
    assert place in listed.stderr
    assert "(pod web-lab goes on as it was)" in listed.stderr
    (event,) = (event for event in node.events() if event["reason"] == "FailedValidation" and place in event["message"])
    assert event["involvedObject"]["name"] == str(node.manifests / "web.yaml")
    assert place in node.journal.read_text()
    assert place in node.cli("events").stdout
    node.drop("web.yaml", pod("web", FOREVER))
    node.drop("next.yaml", pod("next", FOREVER))
    node.wait_running("next-lab")  # files are read in the order of their changes
    assert node.problems() == []
    assert node.pods()["web-lab"] == before


def test_of_two_pods_with_one_name_the_other_is_an_error(node: Daemon) -> None:
    node.drop("a.yaml", pod("web", f"echo a; {FOREVER}"))
    node.drop("b.yaml", pod("web", f"echo b; {FOREVER}"))
    (problem,) = wait_problems(node, 1)
    assert Path(problem["file"]).name == "b.yaml"
    assert node.wait_said("web-lab", "\n") == "a\n"
    checked = node.cli("validate", str(node.manifests))
    assert checked.returncode == 1
    assert "b.yaml" in checked.stderr


@pytest.mark.parametrize("form", ["documents", "List", "PodList", "json"])
def test_several_pods_in_a_file(node: Daemon, form: str) -> None:
    pods = [pod("one", FOREVER), pod("two", FOREVER)]
    match form:
        case "documents":
            text = "---\n".join(["# two pods\n", *(yaml.safe_dump(each) for each in pods)])
        case "json":
            text = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})
        case kind:
            text = yaml.safe_dump({"apiVersion": "v1", "kind": kind, "items": pods})
    node.drop("both", text)
    assert sorted(node.wait_running("one-lab", "two-lab")) == ["one-lab", "two-lab"]
    node.drop("both", yaml.safe_dump(pods[0]))
    node.wait_gone("two-lab")
    assert statuses(node.pods()["one-lab"])["c0"]["restartCount"] == 0


def test_a_pod_is_shown_with_its_defaults(node: Daemon) -> None:
    node.drop(
        "plain.yaml",
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "plain", "labels": {"app": "plain"}, "annotations": {"note": "mine"}},
            "spec": {
                "containers": [{"name": "web", "image": "nginx:latest", "ports": [{"containerPort": 80}]}],
                "terminationGracePeriodSeconds": 1,
            },
        },
    )
    plain = node.wait_running("plain-lab")["plain-lab"]
    metadata, spec = plain["metadata"], plain["spec"]
    assert (metadata["namespace"], metadata["labels"]) == ("default", {"app": "plain"})
    annotations = metadata["annotations"]
    assert annotations.pop("note") == "mine"
    assert annotations["kubernetes.io/config.source"] == "file"
    assert annotations["kubernetes.io/config.hash"] == metadata["uid"]
    assert annotations["kubernetes.io/config.seen"].startswith("20")
    assert len(metadata["uid"]) == 32
    assert {
        key: spec[key] for key in ("restartPolicy", "dnsPolicy", "nodeName", "schedulerName", "securityContext")
    } == {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "nodeName": "lab",
        "schedulerName": "default-scheduler",
        "securityContext": {},
    }
    (container,) = spec["containers"]
    assert container["imagePullPolicy"] == "Always"
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert (container["terminationMessagePath"], container["terminationMessagePolicy"]) == (
        "/dev/termination-log",
        "File",
    )


@pytest.mark.parametrize(
    ("where", "field", "value"),
    [
        ("spec", "readinessGates", [{"conditionType": "example.com/ready"}]),
        ("container", "securityContext", {"windowsOptions": {"runAsUserName": "x"}}),
        ("container", "volumeDevices", [{"name": "disk", "devicePath": "/dev/xvda"}]),
    ],
)
def test_what_is_not_supported_is_refused_by_name(node: Daemon, where: str, field: str, value: Any) -> None:
    manifest = pod("web", FOREVER)
    (manifest["spec"] if where == "spec" else manifest["spec"]["containers"][0])[field] = value
    node.drop("web.yaml", yaml.safe_dump(manifest))
    (problem,) = wait_problems(node, 1)
    assert field in problem["path"]
    assert "not supported" in problem["message"]
    assert problem["line"] > 1
    assert node.pods() == {}


def test_what_means_nothing_on_one_host_is_listed(node: Daemon) -> None:
    manifest = pod("web", FOREVER, nodeSelector={"disk": "ssd"}, priorityClassName="high")
    draft = node.directory / "web.yaml"
    draft.write_text(yaml.safe_dump(manifest))
    quiet, verbose = node.cli("validate", str(draft)), node.cli("validate", "-v", str(draft))
    assert (quiet.returncode, verbose.returncode) == (0, 0)
    assert "spec.nodeSelector" in verbose.stdout + verbose.stderr
    assert "spec.priorityClassName" in verbose.stdout + verbose.stderr
    assert "nodeSelector" not in quiet.stdout + quiet.stderr
    node.drop("web.yaml", manifest)
    node.wait_running("web-lab")
    assert node.problems() == []
    assert "FailedValidation" not in reasons(node.events(), "web-lab")


def test_problems_as_json(node: Daemon) -> None:
    draft = node.directory / "web.yaml"
    draft.write_text(FIVE_MISTAKES)
    checked = node.cli("validate", "-o", "json", str(draft))
    assert checked.returncode == 1
    (file,) = json.loads(checked.stdout)
    assert file["file"] == str(draft)
    assert [problem["line"] for problem in file["problems"]] == [4, 6, 9, 11, 13]
