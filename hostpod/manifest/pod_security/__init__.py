"""The Pod Security Standards: which of their controls a pod breaks, in the words of Kubernetes' own admission.

May live here: the controls as tables and what they look at. Which standard counts for which source is a setting, and
what becomes of a pod that breaks it is decided where manifests are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from hostpod.kube import Pod
from hostpod.manifest.pod_security.baseline import BASELINE
from hostpod.manifest.pod_security.control import Control, Path
from hostpod.manifest.pod_security.restricted import RESTRICTED, STRICTER

Level = Literal["privileged", "baseline", "restricted"]

CONTROLS: dict[Level, tuple[Control, ...]] = {
    "privileged": (),
    "baseline": BASELINE,
    "restricted": (*(each for each in BASELINE if each.name not in STRICTER), *RESTRICTED),
}
"""In the order in which Kubernetes tells them. A stricter control takes the place of the one that it is about."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PodSecurity:
    """The standard that pods must keep, and the one that they are only warned about."""

    enforce: Level = "privileged"
    warn: Level = "privileged"


PRIVILEGED = PodSecurity()


class Breach(NamedTuple):
    """A control that a pod breaks: the first field that does, and what is wrong in all of them."""

    path: Path
    message: str


def refused(pod: Pod, security: PodSecurity) -> list[Breach]:
    """Why a pod may not run."""
    return list(_breaches(pod, security.enforce, "violates"))


def warned(pod: Pod, security: PodSecurity) -> list[Breach]:
    """What a pod that may run would be refused for by the standard that it is measured against."""
    return list(_breaches(pod, security.warn, "would violate"))


def _breaches(pod: Pod, level: Level, verb: str) -> Iterator[Breach]:
    for control in CONTROLS[level]:
        places = control.places(pod)
        if places:
            reason, detail = control.words(places)
            yield Breach(places[0].path, f'{verb} PodSecurity "{level}:latest": {reason} ({detail})')
