"""Rules for the annotations that Kubernetes reads from a pod."""

from __future__ import annotations

import re

from hostpod.kube import Pod
from hostpod.manifest.rules.violation import Violation, Violations, quoted

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

_INT32 = range(-(2**31), 2**31)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,9}")


def known_annotations(pod: Pod) -> Violations:
    """Annotations whose values have a form."""
    cost = pod.metadata.annotations.get(DELETION_COST)
    if cost is not None and not (_INTEGER.fullmatch(cost) and int(cost) in _INT32):
        yield Violation(
            path=("metadata", "annotations", DELETION_COST),
            message=f"{quoted(cost)} must be a whole number of 32 bits, without + and leading zeros",
        )
