"""The rules beside Kubernetes' own verdicts on 473 pods, which lie outside of this repository."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hostpod.kube import Pod
from hostpod.manifest import parse_manifest, with_defaults
from hostpod.manifest.rules import validate_pod
from tests.unit.manifest.rules.pods import shown

ROOT = Path(__file__).parents[4]
REFERENCE = Path(os.environ.get("HOSTPOD_REFERENCE", ROOT.parent / "shared" / "reference"))
VERDICTS = REFERENCE / "validation.jsonl"
NOT_SUPPORTED = "not supported"
CLAIM = "spec.volumes.ephemeral.volumeClaimTemplate"

# Where Kubernetes names a field by another path than the one that a manifest has, both without indexes.
SAME_FIELD = {
    "spec.volumes.downwardAPI.path": "spec.volumes.downwardAPI.items.path",  # it leaves the list away
    "spec.securityContext.shareProcessNamespace": "spec.shareProcessNamespace",  # where it was in its own old model
    "spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution.podAffinityTerm.namespace": (
        "spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution.podAffinityTerm.namespaces"
    ),
    f"{CLAIM}.metadata.uID": f"{CLAIM}.metadata.uid",
    "spec.volumes.fc.targetWWNs": "spec.volumes.fc.wwids",  # of two that exclude one another it names the first
    "spec.nodeName": "spec.schedulingGates",  # that keep it from being set: these pods have no nodeName
    "": "spec.resourceClaims",  # "static pods do not support resource claims", of no field
}

Case = dict[str, Any]
Told = list[tuple[str, str]]

pytestmark = pytest.mark.skipif(not VERDICTS.exists(), reason=f"Kubernetes' verdicts are absent: {VERDICTS}")


def cases() -> list[Case]:
    return [json.loads(line) for line in VERDICTS.read_text().splitlines()]


def told(case: Case) -> Told:
    """What hostpod says of the pod as a manifest: path and message."""
    parsed = parse_manifest(json.dumps(case["pod"]).encode(), file="pod.json")
    assert bool(parsed.problems) != bool(parsed.pods), "a pod is taken, or a problem says why not"
    return [(problem.path, problem.message) for problem in parsed.problems]


def told_by_rules(case: Case) -> Told:
    """The same by the rules alone: a field that hostpod does not support is judged all the same."""
    try:
        pod = Pod.model_validate(case["pod"])
    except ValidationError as error:
        return [(shown(problem["loc"]), "the value has another structure") for problem in error.errors()]
    return [(shown(violation.path), violation.message) for violation in validate_pod(with_defaults(pod))]


def plain(path: str) -> str:
    """A path without indexes and keys: Kubernetes leaves some of them away."""
    return re.sub(r"\[[^\]]*\]", "", path)


def blamed(error: str) -> str:
    """The field that Kubernetes names first, by its path in a manifest."""
    path = error.removeprefix("[").partition(": ")[0]
    found = "metadata.name" if path.startswith("name is needed") else plain(path)
    return SAME_FIELD.get(found, found)


def same_field(one: str, other: str) -> bool:
    """One path is the other, or leads to it."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def blames(field: str, found: Told) -> bool:
    return any(same_field(field, plain(path)) for path, _ in found)


def on_purpose(found: Told) -> bool:
    """What Kubernetes takes is refused only for what hostpod says that it does not do."""
    return all(NOT_SUPPORTED in message for _, message in found)


def report(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that is shown whether or not the test passes."""
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")


def test_all_verdicts_agree(capsys: pytest.CaptureFixture[str]) -> None:
    judged = [(case, told(case)) for case in cases()]
    disagreed = [
        (case["error"], case["pod"], found)
        for case, found in judged
        if (not on_purpose(found) if case["accepted"] else not found)
    ]
    purpose = sum(bool(found) for case, found in judged if case["accepted"])
    agreed = len(judged) - len(disagreed)
    report(f"Kubernetes' verdicts: {agreed} of {len(judged)} agree, {purpose} of them on purpose not", capsys)
    assert disagreed == []


def test_the_same_field_is_blamed(capsys: pytest.CaptureFixture[str]) -> None:
    refused = [(blamed(case["error"]), told(case)) for case in cases() if not case["accepted"]]
    elsewhere = [(field, found) for field, found in refused if not blames(field, found)]
    report(f"Kubernetes' refusals: {len(refused) - len(elsewhere)} of {len(refused)} blame the same field", capsys)
    assert elsewhere == []


def test_rules_of_fields_that_are_not_supported_agree_too() -> None:
    disagreed = []
    for case in cases():
        if case["pod"]["spec"].get("volumes", [{}])[0].get("scaleIO", {"secretRef": {}}).get("secretRef") is None:
            continue  # Kubernetes' own tests leave a field away that its API requires
        found = told_by_rules(case)
        agrees = on_purpose(found) if case["accepted"] else blames(blamed(case["error"]), found)
        disagreed += [] if agrees else [(case["error"], found)]
    assert disagreed == []
