"""Kinds, API versions and lists."""

from __future__ import annotations

import json

import pytest

from hostpod.manifest import parse_manifest
from tests.unit.manifest.write import WEB, problems

SPEC = "metadata: {name: a}\nspec: {containers: [{name: a, image: b}]}\n"


def names(text: str) -> list[str]:
    parsed = parse_manifest(text.encode(), file="f.yaml")
    assert parsed.problems == ()
    return [each.pod.name for each in parsed.pods]


def item(name: str, **more: str) -> dict[str, object]:
    return {**more, "metadata": {"name": name}, "spec": {"containers": [{"name": "a", "image": "b"}]}}


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("kind: Pod\n", ["1: apiVersion: is missing, write apiVersion: v1"]),
        ("kind: Pod\napiVersion:\n", ["1: apiVersion: is missing, write apiVersion: v1"]),
        ("kind: Pod\napiVersion: v2\n", ['2: apiVersion: "v2" is not accepted, write v1']),
        ("kind: Pod\napiVersion: {}\n", ['2: apiVersion: "" is not accepted, write v1']),
        ("apiVersion: v1\n", ["1: kind: is missing, write kind: Pod"]),
        ("kind: pod\napiVersion: v1\n", ['1: kind: "pod" is not accepted, did you mean "Pod"?']),
        (
            "kind: Deployment\napiVersion: apps/v1\n",
            ["1: kind: Deployment is not accepted, hostpod runs Pods of v1: write its template as a Pod"],
        ),
        (
            "kind: Ingress\n",
            ['1: kind: "Ingress" is not accepted, write a Pod, a ConfigMap or a Secret, or a List of them, of v1'],
        ),
        (
            "kind: [Pod]\n",
            ['1: kind: "" is not accepted, write a Pod, a ConfigMap or a Secret, or a List of them, of v1'],
        ),
    ],
)
def test_kinds_and_versions(head: str, told: list[str]) -> None:
    assert problems(head + SPEC) == told


def test_a_document_without_anything_of_a_pod() -> None:
    assert problems("foo: bar\n") == ["1: kind: is missing, write kind: Pod"]
    assert problems("- 1\n") == ["1: must be a pod with apiVersion, kind, metadata and spec, not a list"]
    assert problems("hello\n") == ["1: must be a pod with apiVersion, kind, metadata and spec, not a string"]
    assert problems("null\n") == problems("") == problems("---\n---\n") == []


def test_lists() -> None:
    pods = [item("a", apiVersion="v1", kind="Pod"), item("b", apiVersion="v1", kind="Pod")]
    assert names(json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})) == ["a", "b"]
    bare = {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [item("a"), item("b")]}
    assert names(json.dumps(bare)) == ["a", "b"]
    assert names('{"apiVersion": "v1", "kind": "List"}') == names('{"apiVersion": "v1", "kind": "List", "items": null}')


def test_mistakes_in_lists() -> None:
    assert problems("kind: List\nitems: 5\nitemz: []\n") == [
        "1: apiVersion: is missing, write apiVersion: v1",
        "2: items: must be a list of pods, not an integer",
        "3: itemz: unknown field of a list, remove it",
    ]
    text = "apiVersion: v1\nkind: List\nitems:\n- 5\n- {kind: Pod, spec: {containers: [{name: A, image: b}]}}\n"
    assert [told.split(" ")[1] for told in problems(text)] == [
        "items[0]:", "items[1].apiVersion:", "items[1].metadata.name:", "items[1].spec.containers[0].name:",
    ]  # fmt: skip


def test_a_good_pod_beside_a_bad_one_is_read() -> None:
    good = WEB.replace("name: web", "name: good")
    parsed = parse_manifest(
        f"{WEB}    foo: 1\n---\n{good}---\na: b: c\n---\n{WEB}    image: x\n".encode(), file="f.yaml"
    )
    assert [each.pod.name for each in parsed.pods] == ["good"]
    assert [each.line for each in parsed.pods] == [11]
    assert [problem.line for problem in parsed.problems] == [9, 20, 25, 30]


def test_two_pods_of_one_name() -> None:
    other = WEB.replace("name: web", "name: web\n  namespace: other")
    parsed = parse_manifest(f"{WEB}---\n{other}---\n{WEB}".encode(), file="f.yaml")
    assert [each.pod.namespace for each in parsed.pods] == ["default", "other"]
    assert [str(problem) for problem in parsed.problems] == [
        'f.yaml:23: metadata.name: the pod "web" is in this file already, on line 1: rename one'
    ]
