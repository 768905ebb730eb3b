from __future__ import annotations

from hostpod.daemon.problems import problems_of
from hostpod.manifest import Problem
from hostpod.sources.snapshot import FileProblem, Snapshot


def test_a_problem_as_people_see_it() -> None:
    problem = Problem(file="web.yaml", line=3, column=5, path="spec.x", message="unknown field")
    kept, other = (FileProblem(problem=problem, kept_pods=pods) for pods in (("a-host", "b-host"), ()))
    shown, none_kept = problems_of(Snapshot(problems=(kept, other)))
    assert shown == {
        "file": "web.yaml",
        "line": 3,
        "column": 5,
        "path": "spec.x",
        "message": "unknown field",
        "text": "web.yaml:3: spec.x: unknown field",
        "keptPod": "a-host, b-host",
        "warning": False,
    }
    assert none_kept["keptPod"] is None
