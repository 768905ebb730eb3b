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
from hostpod.manifest import with_defaults
from hostpod.manifest.rules import validate_pod
from tests.unit.manifest.rules.pods import shown

ROOT = Path(__file__).parents[4]
REFERENCE = Path(os.environ.get("HOSTPOD_REFERENCE", ROOT.parent / "shared" / "reference"))
VERDICTS = REFERENCE / "validation.jsonl"
STRUCTURE = "the value has another structure"

Case = dict[str, Any]
Told = list[tuple[str, str]]

pytestmark = pytest.mark.skipif(not VERDICTS.exists(), reason=f"Kubernetes' verdicts are absent: {VERDICTS}")


def cases() -> list[Case]:
    return [json.loads(line) for line in VERDICTS.read_text().splitlines()]


def told(case: Case) -> Told:
    """What hostpod says of a pod: path and message. A field that it does not support is judged all the same."""
    try:
        pod = Pod.model_validate(case["pod"])
    except ValidationError as error:
        return [(shown(problem["loc"]), STRUCTURE) for problem in error.errors()]
    return [(shown(violation.path), violation.message) for violation in validate_pod(with_defaults(pod))]


def plain(path: str) -> str:
    """A path without indexes and keys: Kubernetes leaves some of them away."""
    return re.sub(r"\[[^\]]*\]", "", path)


def blamed(error: str) -> str:
    """The field that Kubernetes names first."""
    path = error.removeprefix("[").partition(": ")[0]
    return "metadata.name" if path.startswith("name is needed") else plain(path)


def same_field(one: str, other: str) -> bool:
    """One path is the other, or leads to it."""
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def say(line: str) -> None:
    """A line of the report, which is shown whether or not the test passes."""
    sys.stdout.write(f"{line}\n")


def test_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    judged = [(case, told(case)) for case in cases()]
    disagreed = [(case, found) for case, found in judged if case["accepted"] == bool(found)]
    rate = 1 - len(disagreed) / len(judged)
    with capsys.disabled():
        say(f"\nKubernetes' verdicts: {rate:.1%} of {len(judged)} agree")
        for case, found in disagreed:
            say(f"  Kubernetes says {case['error'] or 'nothing'!r:.100}, hostpod {found!r:.200}")
    assert rate > 0.99


def test_the_same_field_is_blamed(capsys: pytest.CaptureFixture[str]) -> None:
    refused = [(blamed(case["error"]), told(case)) for case in cases() if not case["accepted"]]
    elsewhere = [
        (field, found) for field, found in refused if not any(same_field(field, plain(path)) for path, _ in found)
    ]
    rate = 1 - len(elsewhere) / len(refused)
    with capsys.disabled():
        say(f"\nKubernetes' refusals: {rate:.1%} of {len(refused)} blame the same field")
        for field, found in elsewhere:
            say(f"  Kubernetes blames {field}, hostpod {[path for path, _ in found]}")
    assert rate > 0.93
