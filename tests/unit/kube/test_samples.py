"""What a real kubelet printed is read, and printed again without a difference."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hostpod.kube import PodList, to_json

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = Path(os.environ.get("HOSTPOD_REFERENCE", ROOT.parent / "shared" / "reference"))


@pytest.mark.parametrize("name", ["pods.json", "runningpods.json"])
def test_round_trip(name: str) -> None:
    sample = REFERENCE / "samples" / name
    if not sample.exists():
        pytest.skip(f"the sample is absent: {sample}")
    printed = json.loads(sample.read_text())
    assert to_json(PodList.model_validate(printed)) == printed
