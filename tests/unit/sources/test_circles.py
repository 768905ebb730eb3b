from __future__ import annotations

from hostpod.kube import Pod
from hostpod.kube.annotations import AFTER
from hostpod.sources.circles import circle_problems
from hostpod.sources.snapshot import SourcedPod


def sourced(name: str, after: str, file: str, line: int = 1) -> SourcedPod:
    pod = Pod.model_validate(
        {
            "metadata": {"name": name, "namespace": "default", "annotations": {AFTER: after}},
            "spec": {"containers": [{"name": "main", "image": "img"}]},
        }
    )
    return SourcedPod(pod=pod, file=file, line=line, seen_at=0.0)


def test_each_pod_of_a_circle_has_a_problem_that_names_all_and_their_files() -> None:
    found = list(circle_problems([sourced("a", "b", "a.yaml", 3), sourced("b", "a", "b.yaml"), sourced("c", "a", "c")]))
    message = (
        "metadata.annotations[hostpod.io/after]: pods start after one another in a circle, default/a after default/b "
        "after default/a: take one out of hostpod.io/after (they are in a.yaml, b.yaml)"
    )
    assert [str(each.problem) for each in found] == [f"a.yaml:3: {message}", f"b.yaml:1: {message}"]


def test_within_one_file_it_is_not_named_again() -> None:
    (first, _) = circle_problems([sourced("a", "b", "a.yaml"), sourced("b", "a", "a.yaml", 9)])
    assert str(first.problem).endswith("take one out of hostpod.io/after")


def test_where_there_is_no_circle_there_is_no_problem() -> None:
    assert not list(circle_problems([sourced("a", "b", "a.yaml"), sourced("b", "c", "b.yaml")]))
