"""The layout was compared with that of kubectl 1.32 for these very pods, and follows 1.36 where that differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hostpod.cli.describe_container import probe_text
from hostpod.cli.describe_pod import describe_pod
from hostpod.cli.describe_volume import volume_lines
from hostpod.cli.times import parse_time
from tests.unit.cli import golden

PODS = Path(__file__).parent / "pods"


def described(name: str) -> str:
    example = json.loads((PODS / f"{name}.json").read_text())
    return describe_pod(example["pod"], example["events"], now=parse_time("2026-11-21T09:30:00Z") or 0)


@pytest.mark.parametrize("name", ["rich", "bare"])
def test_golden_description(name: str) -> None:
    golden.check(f"describe_{name}.txt", described(name))


def test_a_pod_that_ends_says_how_long_it_has() -> None:
    pod: dict[str, Any] = json.loads((PODS / "bare.json").read_text())["pod"]
    pod["metadata"] |= {"deletionTimestamp": "1970-01-01T00:00:10Z", "deletionGracePeriodSeconds": 30}
    text = describe_pod(pod, [], now=20)
    assert "Status:                    Terminating (lasts 10s)\nTermination Grace Period:  30s\n" in text


def test_other_probes() -> None:
    attributes = "delay=0s timeout=1s period=10s successThreshold=1 failureThreshold=3"
    assert probe_text({"grpc": {"port": 9, "service": "s"}}) == f"grpc <pod>:9 s {attributes}"
    assert probe_text({}) == f"unknown {attributes}"


def test_other_volumes() -> None:
    assert list(volume_lines({"name": "v", "image": {"reference": "r", "pullPolicy": "Always"}}))[1:] == [
        "    Type:\tImage (a container image or OCI artifact)",
        "    Reference:\tr",
        "    PullPolicy:\tAlways",
    ]
    claim = {"claimName": "data", "readOnly": True}
    assert list(volume_lines({"name": "v", "persistentVolumeClaim": claim}))[1:] == [
        "    Type:\tPersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        "    ClaimName:\tdata",
        "    ReadOnly:\ttrue",
    ]
    assert list(volume_lines({"name": "v", "nfs": {"server": "s", "path": "/p"}}))[1:] == [
        "    Type:\tNFS (an NFS mount that lasts the lifetime of a pod)",
        "    Server:\ts",
        "    Path:\t/p",
        "    ReadOnly:\tfalse",
    ]
    assert list(volume_lines({"name": "v", "csi": {}})) == ["  v:", "  <unknown>"]


def test_what_a_pod_has_as_a_whole_comes_before_its_containers() -> None:
    pod: dict[str, Any] = json.loads((PODS / "bare.json").read_text())["pod"]
    pod["spec"]["resources"] = {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi", "cpu": "2"}}
    text = describe_pod(pod, [], now=20)
    assert "Resources:\n  Limits:\n    cpu:     2\n    memory:  1Gi\n  Requests:\n    cpu:  1\nContainers:\n" in text
