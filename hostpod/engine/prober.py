"""Asks the containers of one pod how they are, each probe a task with its own rhythm, and tells when a result changes.

No probe waits for another: one that hangs keeps a descriptor until its time is up, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from hostpod.engine.edges import Edges
from hostpod.engine.probes import Asked, Outcome, Result, asking
from hostpod.host.clock import now
from hostpod.host.timer import until
from hostpod.kube import Container, Pod
from hostpod.plan.probing import (
    ProbeKind,
    after,
    before_first,
    first_wait_s,
    is_decided,
    next_wait_s,
    probe_of,
    share_of,
    tick_at,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeTarget:
    """One probe of one running attempt. `address` is where its ports are; `started_at` is in wall seconds; `passing` is
    the result that was written down, None where there is none yet."""

    cid: str
    kind: ProbeKind
    pod: Pod
    container: Container
    address: str
    started_at: float
    passing: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeResult:
    """The result of a probe is another than before; `message` says why it fails."""

    cid: str
    kind: ProbeKind
    passing: bool
    message: str


class ProbeLabels(NamedTuple):
    """What prober_probe_total counts by."""

    probe_type: str
    result: Result
    container: str
    pod: str
    namespace: str
    pod_uid: str


class Prober:
    """The probes of one pod."""

    def __init__(self, edges: Edges, told: Callable[[ProbeResult], None]) -> None:
        self._edges = edges
        self._told = told
        self._running: dict[tuple[str, ProbeKind], asyncio.Task[None]] = {}
        self._counts: Counter[ProbeLabels] = Counter()

    @property
    def counts(self) -> Mapping[ProbeLabels, int]:
        """How many probes had which result, since the daemon has the pod."""
        return self._counts

    def want(self, targets: Iterable[ProbeTarget], tasks: asyncio.TaskGroup) -> None:
        """All probes that should run, as tasks of this group; every other one is stopped. What runs already goes on."""
        wanted = {(target.cid, target.kind): target for target in targets}
        for key in self._running.keys() - wanted.keys():
            self._running.pop(key).cancel()
        for key in wanted.keys() - self._running.keys():
            name = f"{key[1]} probe of {wanted[key].container.name}"
            self._running[key] = tasks.create_task(self._probe(wanted[key]), name=name)

    async def _probe(self, target: ProbeTarget) -> None:
        """Ask again and again, until no further answer could change anything."""
        kind, probe = target.kind, probe_of(target.container, target.kind)
        assert probe is not None, "what is wanted is a probe of the container"
        loop = asyncio.get_running_loop()
        # From here on by a clock that does not jump.
        started = loop.time() - max(0.0, now() - target.started_at)
        ask = asking(probe, _asked(target), self._edges)
        share = share_of(target.cid, kind)
        count = before_first(kind, passing=target.passing)
        soon = target.passing is None and kind != "liveness"
        wait_s = first_wait_s(probe, age_s=loop.time() - started, share=share, soon=soon)
        while not is_decided(count, kind):
            await until(loop.time() + wait_s if soon else tick_at(loop.time() + wait_s))
            soon = False
            begun_s = loop.time() - started
            outcome = await ask()
            self._note(target, outcome)
            if outcome.result != "unknown":
                before, count = count, after(count, probe, ok=outcome.result == "successful")
                if count.passing is not None and count.passing != before.passing:
                    result = ProbeResult(cid=target.cid, kind=kind, passing=count.passing, message=outcome.message)
                    self._told(result)
            wait_s = next_wait_s(probe, age_s=loop.time() - started, begun_s=begun_s, share=share)

    def _note(self, target: ProbeTarget, outcome: Outcome) -> None:
        meta = target.pod.metadata
        labels = ProbeLabels(
            probe_type=target.kind.capitalize(),
            result=outcome.result,
            container=target.container.name,
            pod=meta.name or "",
            namespace=meta.namespace or "default",
            pod_uid=meta.uid or "",
        )
        self._counts[labels] += 1
        match outcome:
            case Outcome(result="failed"):
                self._tell(target, "Unhealthy", f"failed: {outcome.message}")
            case Outcome(result="unknown"):
                self._tell(target, "Unhealthy", f"errored and resulted in unknown state: {outcome.message}")
            case Outcome(warning=warning) if warning:
                self._tell(target, "ProbeWarning", f"warning: {warning}")

    def _tell(self, target: ProbeTarget, reason: str, what: str) -> None:
        name = target.container.name
        message = f"{target.kind.capitalize()} probe {what}"
        self._edges.events.pod(target.pod, "Warning", reason, message, container=name)


def _asked(target: ProbeTarget) -> Asked:
    return Asked(pod=target.pod, container=target.container, cid=target.cid, address=target.address)
