"""What a worker is told of its containers: ends and results of probes, which are written down before they count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from hostpod.engine import containers
from hostpod.engine.edges import Edges
from hostpod.engine.prober import ProbeResult
from hostpod.engine.records import ContainerRecord
from hostpod.engine.refusals import REFUSALS, words
from hostpod.engine.state import PodState
from hostpod.host.clock import now
from hostpod.plan.backoff import BackoffRule, restart_wait_s
from hostpod.plan.observed import Unhealthy
from hostpod.plan.probing import ProbeKind
from hostpod.plan.restarts import comes_again

AGAIN_S = 1.0


class Tidings:
    """Of one pod. What cannot be written down now is taken up again in a second; until then it is not believed."""

    def __init__(self, edges: Edges, woken: Callable[[], None]) -> None:
        self._edges = edges
        self._woken = woken
        self._ended: set[str] = set()
        self._probed: dict[tuple[str, ProbeKind], ProbeResult] = {}

    def container_ended(self, cid: str) -> None:
        """A container's monitor has gone."""
        self._ended.add(cid)
        self._woken()

    def probed(self, result: ProbeResult) -> None:
        """A probe came to another result."""
        self._probed[result.cid, result.kind] = result
        self._woken()

    def write_down(self, state: PodState | None, rule: BackoffRule) -> None:
        """All that was told and concerns a container that is there."""
        for result in tuple(self._probed.values()):
            if self._written(state, result.cid, "the result of a probe", partial(_note, result)):
                del self._probed[result.cid, result.kind]
        for cid in tuple(self._ended):
            if self._written(state, cid, "the end", self._note_end):
                self._ended.discard(cid)
                if state is not None and cid in state.containers:
                    self._edges.events.died(state.record.pod.metadata, state.containers[cid])
                    self._tell_backoff(state, state.containers[cid], rule)

    def _written(self, state: PodState | None, cid: str, what: str, write: Callable[[PodState, str], None]) -> bool:
        if state is None or cid not in state.containers:
            return True
        try:
            write(state, cid)
        except REFUSALS as refusal:
            name = state.containers[cid].name
            message = f'cannot write down {what} of container "{name}": {words(refusal)}'
            self._edges.events.pod(state.record.pod, "Warning", "Failed", message, container=name)
            asyncio.get_running_loop().call_later(AGAIN_S, self._woken)
            return False
        return True

    def _note_end(self, state: PodState, cid: str) -> None:
        containers.note_end(state, cid, self._edges)

    def _tell_backoff(self, state: PodState, record: ContainerRecord, rule: BackoffRule) -> None:
        end = record.observed()
        if restart_wait_s(end, rule) and comes_again(state.observed(frozenset()), end):
            meta = state.record.pod.metadata
            where = f"pod {meta.name}_{meta.namespace}({meta.uid})"
            message = f"Back-off restarting failed container {record.name} in {where}"
            self._edges.events.pod(state.record.pod, "Warning", "BackOff", message, container=record.name)


def _note(result: ProbeResult, state: PodState, cid: str) -> None:
    record = state.containers[cid]
    match result.kind:
        case "readiness":
            record = replace(record, ready=result.passing, ready_at=now())
        case "startup" if result.passing:
            record = replace(record, startup=True, startup_at=now())
        case kind if not result.passing:
            record = replace(record, unhealthy=Unhealthy(probe=kind))
    state.keep(record)
