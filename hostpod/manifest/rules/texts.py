"""A rule for every text of a pod's spec: none may hold the character NUL.

Kubernetes takes it, and then no process can be started with it and no path be opened: to the kernel it ends a text.
So it is told here, at its line, and nothing further down needs to think of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from hostpod.kube import KubeModel
from hostpod.manifest.rules.violation import Path, Violation, Violations

NUL = "\0"


def texts(path: Path, value: object) -> Violations:
    """All texts in a value and below it."""
    match value:
        case str():
            if NUL in value:
                yield Violation(
                    path=path, message="holds the character U+0000, which ends a text for the kernel: remove it"
                )
        case KubeModel():
            for attribute, item in value.__dict__.items():
                if item:  # most fields of most pods hold nothing
                    yield from texts((*path, type(value).model_fields[attribute].alias or attribute), item)
        case tuple():
            for index, item in enumerate(value):
                yield from texts((*path, index), item)
        case Mapping():
            for key, item in value.items():
                yield from texts((*path, key), item)
