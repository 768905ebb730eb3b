"""Whole files: all problems at once and in order, all rules of Kubernetes, nothing twice."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hostpod.manifest import parse_manifest
from hostpod.manifest.parse import MOST_PROBLEMS
from tests.unit.manifest.write import WEB, pod_of, problems, web

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = Path(os.environ.get("HOSTPOD_REFERENCE", ROOT.parent / "shared" / "reference")) / "validation.jsonl"

CLASSIC = """\
apiVersion: v1
kind: Pod
metadata:
  name: nginx
spec:
  containers:
  - name: nginx
    image: nginx
    ports:
    - containerPort: 80
    volumeMounts:
    - mountPath: /var/log/nginx
      name: nginx-logs
  - name: log-truncator
    image: busybox
    command:
    - /bin/sh
    args: [-c, 'while true; do cat /dev/null > /logdir/access.log; sleep 10; done']
    volumeMounts:
    - mountPath: /logdir
      name: nginx-logs
  volumes:
  - name: nginx-logs
    emptyDir: {}
"""


def test_the_classic_pod() -> None:
    pod = pod_of(CLASSIC)
    assert [container.image for container in pod.spec.containers] == ["nginx", "busybox"]


def test_five_mistakes_are_five_lines() -> None:
    broken = (
        CLASSIC.replace("image: nginx", "imagee: nginx")
        .replace("containerPort: 80", 'containerPort: "80"')
        .replace("name: log-truncator", "name: Log_Truncator")
        .replace("mountPath: /logdir\n      name: nginx-logs", "mountPath: /logdir\n      name: nginx-log")
        .replace("emptyDir: {}", "emptyDir: {sizeLimit: 1 GB}")
    )
    told = problems(broken)
    assert [line.split(" ")[:2] for line in told] == [
        ["8:", "spec.containers[0].imagee:"],
        ["10:", "spec.containers[0].ports[0].containerPort:"],
        ["14:", "spec.containers[1].name:"],
        ["21:", "spec.containers[1].volumeMounts[0].name:"],
        ["24:", "spec.volumes[0].emptyDir.sizeLimit:"],
    ]


def test_a_problem_names_file_line_column_and_path() -> None:
    (problem,) = parse_manifest(web("imagee: x").encode(), file="/etc/pods/web.yaml").problems
    assert (problem.file, problem.line, problem.column) == ("/etc/pods/web.yaml", 9, 5)
    assert problem.path == "spec.containers[0].imagee"
    assert str(problem) == '/etc/pods/web.yaml:9: spec.containers[0].imagee: unknown field, did you mean "image"?'


def test_places_of_values_in_flow_and_in_block() -> None:
    (flow,) = parse_manifest(web("command: [sh, {}]").encode(), file="f").problems
    (block,) = parse_manifest(web("command:\n  a: b").encode(), file="f").problems
    assert ((flow.line, flow.column), (block.line, block.column)) == ((9, 19), (9, 5))


def test_what_is_below_an_unsupported_field_is_not_told() -> None:
    assert problems(web("volumeDevices: [{nme: a, foo: x}]")) == [
        "9: spec.containers[0].volumeDevices: not supported by this version of hostpod, remove it"
    ]


def test_a_limit_that_is_wrong_is_told_once_and_not_again_as_the_request_that_it_stands_for() -> None:
    def told(resources: str) -> list[str]:
        return problems(web(f"resources: {resources}"))

    path, words = "9: spec.containers[0].resources", '"-1" is negative, must be 0 or more'
    assert told("{limits: {cpu: -1}}") == [f"{path}.limits.cpu: {words}"]
    assert told("{limits: {cpu: -1}, requests: {memory: 1Mi}}") == [f"{path}.limits.cpu: {words}"]
    assert told("{limits: {cpu: 1}, requests: {cpu: -1}}") == [f"{path}.requests.cpu: {words}"]
    assert len(told("{limits: {cpu: -1}, requests: {cpu: -1}}")) == 2


def test_notes() -> None:
    text = web(spec="nodeSelector: {a: b}\npreemptionPolicy: Never\nos: {name: linux}\n", metadata="generation: 3")
    parsed = parse_manifest(text.encode(), file="f.yaml")
    assert parsed.problems == ()
    assert [note[:2] for note in parsed.notes] == [
        (5, "metadata.generation"),
        (10, "spec.nodeSelector"),
        (11, "spec.preemptionPolicy"),
        (12, "spec.os.name"),
    ]
    assert parsed.notes[1].note == "there is no scheduler, the pod runs on this host"


def test_a_file_that_is_no_manifest_has_an_end() -> None:
    told = problems(f"{WEB}    env: [" + "{}, " * 2000 + "{}]\n")
    assert len(told) == MOST_PROBLEMS + 1
    assert told[-1] == "9: 1501 more problems are not shown"


@pytest.mark.skipif(not REFERENCE.exists(), reason=f"Kubernetes' verdicts are absent: {REFERENCE}")
def test_verdicts_of_kubernetes() -> None:
    disagreed = []
    for line in REFERENCE.read_text().splitlines():
        case = json.loads(line)
        parsed = parse_manifest(json.dumps(case["pod"]).encode(), file="f")
        wrong = [str(problem) for problem in parsed.problems if "not supported by this version" not in problem.message]
        if bool(wrong) if case["accepted"] else not parsed.problems:
            disagreed.append((case["error"], wrong))
    assert disagreed == []
