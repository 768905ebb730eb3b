"""Which wished pods this host takes: never more than maxPods, and those that are here stay."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """Names of the pods that may be, and of those for which there is no room."""

    taken: tuple[str, ...]
    refused: tuple[str, ...]


def admit_pods(wished: Collection[str], present: Collection[str], *, max_pods: int) -> Admission:
    """Pods that are here come first, then the others by name."""
    ordered = sorted(wished, key=lambda name: (name not in present, name))
    return Admission(taken=tuple(ordered[:max_pods]), refused=tuple(ordered[max_pods:]))
