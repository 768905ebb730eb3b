"""What is wrong with manifests, as people are told it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hostpod.sources.circles import circle_problems
from hostpod.sources.snapshot import FileProblem, Snapshot

Json = Mapping[str, Any]


def problems_of(snapshot: Snapshot) -> list[Json]:
    """All that is wrong with what manifests say together, in the shape of GET /problems."""
    return [_problem(found) for found in (*snapshot.problems, *circle_problems(snapshot.pods))]


def _problem(found: FileProblem) -> Json:
    problem = found.problem
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
        "text": str(problem),
        "keptPod": ", ".join(found.kept_pods) or None,
        "warning": found.warning,
    }
