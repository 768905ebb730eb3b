"""What other manifests would do, for people: sources and engine are asked, and neither is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hostpod.daemon.problems import problems_of
from hostpod.engine.edges import Edges
from hostpod.engine.engine import Engine
from hostpod.engine.node import NodeView
from hostpod.engine.worker import Wish
from hostpod.kube import Pod
from hostpod.kube.api_status import StatusError
from hostpod.plan.change import change_of
from hostpod.plan.prospect import Prospect, manifest_of
from hostpod.sources.proposal import Proposal, ProposalError
from hostpod.sources.sources import Sources

Json = Mapping[str, Any]


class PlanningNode(NodeView):
    """The node that also knows where manifests come from."""

    def __init__(self, engine: Engine, edges: Edges, sources: Callable[[], Sources]) -> None:
        super().__init__(engine, edges)
        self._prospects = engine.prospects
        self._sources = sources

    async def plan(self, proposal: Proposal) -> Json:
        """What would become of pods, in the shape of `hostpod plan -o json`."""
        try:
            preview = await self._sources().preview(proposal)
        except ProposalError as error:
            raise StatusError("Invalid", str(error)) from error
        prospects = self._prospects([Wish(pod=each.pod, file=each.file) for each in preview.snapshot.pods])
        known = self.problems() if preview.files or proposal.whole else ()
        return {
            "changes": any(each.outcome != "none" for each in prospects.values()),
            "files": list(preview.files),
            "pods": [_pod(key, each) for key, each in prospects.items()],
            "problems": [
                each for each in problems_of(preview.snapshot) if each["file"] in preview.files or each not in known
            ],
        }


def _pod(key: str, prospect: Prospect) -> Json:
    namespace, _, name = key.partition("/")
    differs = prospect.outcome != "none"
    return {
        "namespace": namespace,
        "name": name,
        "file": prospect.file,
        "outcome": prospect.outcome,
        "reasons": list(prospect.reasons),
        "steps": list(prospect.steps),
        "fields": _fields(prospect.before, prospect.after) if differs else [],
        "before": manifest_of(prospect.before) if differs and prospect.before else None,
        "after": manifest_of(prospect.after) if differs and prospect.after else None,
    }


def _fields(before: Pod | None, after: Pod | None) -> list[Json]:
    if before is None or after is None:
        return []
    fields = change_of(before, after).fields
    return [{"path": each.path, "before": each.before, "after": each.after} for each in fields]
