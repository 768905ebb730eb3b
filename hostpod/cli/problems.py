"""What is wrong with manifests, a line each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hostpod.cli.table import printable

JsonObject = Mapping[str, Any]


def problem_line(problem: JsonObject) -> str:
    """`FILE:LINE: FIELD: message`, a warning marked as one, and what became of the pod."""
    place = ":".join(str(problem[key]) for key in ("file", "line") if problem.get(key))
    field = f"{problem['path']}: " if problem.get("path") else ""
    field = f"warning: {field}" if problem.get("warning") else field
    return printable(f"{place}: {field}{problem['message']}{_consequence(problem)}")


def kept_pods(problem: JsonObject) -> set[str]:
    """The pods that go on as the manifest said before."""
    return set(filter(None, (problem.get("keptPod") or "").split(", ")))


def _consequence(problem: JsonObject) -> str:
    kept = sorted(kept_pods(problem))
    if len(kept) > 1:
        return f" (pods {', '.join(kept)} go on as they were)"
    return f" (pod {kept[0]} goes on as it was)" if kept else ""
