from __future__ import annotations

import pytest

from hostpod.plan.backoff import BackoffRule
from hostpod.plan.observed import Ending, Failure, ObservedPod, Verdict
from hostpod.plan.summary import Standing, standing, summary
from tests.unit.plan.build import attempt, ended, pod, seen

REFUSED = Failure(action="EnsureImage image:web", count=1, at=100, reason="ErrImagePull", message="m")
NEVER = pod(restartPolicy="Never")


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (seen(), "starting"),
        (seen(busy=frozenset({"image:web"})), "starting"),
        (seen(containers=(attempt(),)), "running"),
        (seen(containers=(ended(backoff_s=10.0),)), "backing off"),
        (seen(containers=(ended(backoff_s=0.0),)), "running"),
        (seen(failures={REFUSED.action: REFUSED}), "backing off"),
        (seen(failures={REFUSED.action: REFUSED}, busy=frozenset({"image:web"})), "starting"),
        (seen(containers=(attempt(),), ending=Ending(since=1, grace_s=1, reason="r")), "ending"),
        (seen(NEVER, containers=(ended(exit_code=0),)), "completed"),
        (seen(NEVER, containers=(ended(exit_code=1),)), "failed"),
        (seen(containers=(ended(),), verdict=Verdict(reason="Terminated", message="m")), "failed"),
    ],
)
def test_how_a_pod_stands(of: ObservedPod, expected: Standing) -> None:
    assert standing(of, 112.0, BackoffRule()) == expected


@pytest.mark.parametrize(
    ("pods", "broken", "pulls", "line"),
    [
        ({}, 0, 0, "no pods"),
        ({}, 2, 0, "no pods; 2 manifests broken"),
        ({}, 0, 1, "no pods, pulling 1 image"),
        ({"backing off": 1, "running": 12}, 0, 0, "12 pods running, 1 backing off"),
        ({"running": 12}, 1, 2, "12 pods running, pulling 2 images; 1 manifest broken"),
        ({"failed": 1}, 1, 0, "1 pod failed; 1 manifest broken"),
        ({"starting": 2, "running": 0}, 0, 0, "2 pods starting"),
    ],
)
def test_the_line(pods: dict[Standing, int], broken: int, pulls: int, line: str) -> None:
    assert summary(pods, broken_manifests=broken, pulls=pulls) == line
