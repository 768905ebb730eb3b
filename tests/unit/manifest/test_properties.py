"""Whatever the bytes: no exception, and every problem has a line of the file."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostpod.kube.annotations import EGRESS_BANDWIDTH
from hostpod.manifest import Parsed, PodSecurity, parse_manifest, static_pod
from tests.unit.manifest.test_parse import CLASSIC
from tests.unit.manifest.write import WEB

NAMED = {"path": "x", "fieldRef": {"fieldPath": "metadata.name"}}
RICH: dict[str, Any] = yaml.safe_load(CLASSIC)
RICH["spec"] |= {
    "initContainers": [
        {
            "name": "i",
            "image": "x",
            "restartPolicy": "Always",
            "envFrom": [{"prefix": "A", "configMapRef": {"name": "a"}}],
            "ports": [{"containerPort": 53, "hostPort": 53, "hostIP": "127.0.0.1", "protocol": "UDP"}],
        }
    ],
    "affinity": {
        "nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": {}}]}
    },
    "tolerations": [{"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute", "tolerationSeconds": 5}],
    "imagePullSecrets": [{"name": "a"}],
    "securityContext": {"runAsUser": 5, "sysctls": [{"name": "a", "value": "b"}]},
    "dnsConfig": {"nameservers": ["1.1.1.1"], "options": [{"name": "a"}]},
    "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a"]}],
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}],
    "resourceClaims": [{"name": "a"}],
}
RICH["metadata"] |= {
    "labels": {"a": "b"},
    "annotations": {"a/b": "c", EGRESS_BANDWIDTH: "1M"},
    "creationTimestamp": "2026-11-21T03:51:35Z",
}
RICH["spec"]["containers"][0] |= {
    "stdin": True,
    "stdinOnce": True,
    "tty": True,
    "resources": {"limits": {"cpu": "500m"}, "requests": {"memory": "1Gi"}},
    "livenessProbe": {"httpGet": {"port": 80}, "periodSeconds": 5},
    "lifecycle": {"preStop": {"exec": {"command": ["a"]}}},
    "env": [{"name": "A", "value": "b"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    "securityContext": {
        "capabilities": {"add": ["NET_ADMIN"]},
        "seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"},
    },
}
RICH["spec"]["volumes"] += [
    {"name": "h", "hostPath": {"path": "/a"}},
    {"name": "p", "projected": {"sources": [{"secret": {"name": "s"}}, {"downwardAPI": {"items": [NAMED]}}]}},
    {"name": "c", "persistentVolumeClaim": {"claimName": "c", "readOnly": True}},
    {"name": "i", "image": {"reference": "i", "pullPolicy": "Never"}},
    {"name": "n", "nfs": {"server": "s", "path": "/p", "readOnly": True}},
    {"name": "e", "ephemeral": {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}}},
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["80", "true", "1Gi", "", "/", "a" * 300, "..", "A_b", "$(X)", "::1"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value below the root."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for step, below in steps for found in ((*path, step), *places(below, (*path, step)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A rich pod with a few values replaced, removed or renamed."""
    pod = copy.deepcopy(RICH)
    for _ in range(draw(st.integers(1, 5))):
        *way, last = draw(st.sampled_from(places(pod) or [("spec",)]))
        parent = pod
        for step in way:
            parent = parent[step]
        action = draw(st.sampled_from(["replace", "remove", "rename"]))
        if action == "remove":
            parent.pop(last, None) if isinstance(parent, dict) else parent.pop(last)
        elif action == "rename" and isinstance(parent, dict):
            parent[draw(st.text(min_size=1, max_size=8) | st.just(f"{last}s"))] = parent.pop(last, None)
        else:
            parent[last] = draw(values)
    return pod


def check(content: bytes) -> Parsed:
    parsed = parse_manifest(content, file="f")
    held = parse_manifest(content, file="f", security=PodSecurity(enforce="baseline", warn="restricted"))
    assert len(held.pods) <= len(parsed.pods)
    lines = len(re.split(rb"\r\n|\r|\n", content))
    assert all(1 <= problem.line <= lines and problem.column >= 1 for problem in parsed.problems)
    assert [problem.line for problem in parsed.problems] == sorted(problem.line for problem in parsed.problems)
    assert all("\n" not in str(problem) for problem in parsed.problems)
    for each in parsed.pods:
        assert len(static_pod(each.pod, node_name="n", suffix=True, source_file="f").uid) in (32, len(each.pod.uid))
    return parsed


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes(content: bytes) -> None:
    check(content)


@given(st.lists(st.sampled_from([*" \n\t:-[]{}\"'&*!|>%#?,", "a", "<<", "---", "..."]), max_size=40).map("".join))
def test_any_yaml_like_text(text: str) -> None:
    check(text.encode())


@given(st.data())
def test_a_manifest_with_a_part_replaced(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(WEB)))
    end = data.draw(st.integers(start, min(len(WEB), start + 10)))
    check((WEB[:start] + data.draw(st.text(max_size=5)) + WEB[end:]).encode())


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(mutated(), st.booleans())
def test_mutated_pods(pod: Any, in_yaml: bool) -> None:
    if in_yaml:
        check(yaml.safe_dump(pod, allow_unicode=True).encode())
    else:
        check(json.dumps(pod).encode())


def test_the_rich_pod_itself_is_understood() -> None:
    assert {problem.message.partition(",")[0] for problem in check(json.dumps(RICH).encode()).problems} <= {
        "not supported by this version of hostpod"
    }
