"""Pods that are to start after one another in a circle: no file is wrong by itself, so all are looked at. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hostpod.kube.annotations import AFTER
from hostpod.manifest import Problem
from hostpod.plan.ordering import cycle_text, order_pods
from hostpod.sources.snapshot import FileProblem, SourcedPod


def circle_problems(pods: Iterable[SourcedPod]) -> Iterator[FileProblem]:
    """A problem for each pod of a circle, where it is written; each names the files of the others."""
    by_key = {f"{sourced.pod.namespace or 'default'}/{sourced.pod.name}": sourced for sourced in pods}
    for cycle in order_pods({key: sourced.pod for key, sourced in by_key.items()}).cycles:
        files = sorted({by_key[key].file for key in cycle})
        where = f" (they are in {', '.join(files)})" if len(files) > 1 else ""
        for key in cycle:
            problem = Problem(
                file=by_key[key].file,
                line=by_key[key].line,
                column=1,
                path=f"metadata.annotations[{AFTER}]",
                message=f"{cycle_text(cycle)}{where}",
            )
            yield FileProblem(problem=problem)
