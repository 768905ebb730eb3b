"""Whether this host runs short, and what is done about it: one pod at a time goes, and comes again when that is over.

Nothing is looked at while no pod is here. While there are some, the kernel tells of memory; what it does not tell of
is looked at as late as it can be (docs/decisions/0806-pressure.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from hostpod.engine.edges import Edges
from hostpod.engine.image_garbage import ImageGarbage
from hostpod.engine.image_users import ImageUsers
from hostpod.engine.shortage import read_left, rule_of, usages
from hostpod.engine.state import PodState
from hostpod.engine.storage import StorageWatch
from hostpod.host.clock import now
from hostpod.host.left import on_one_file_system
from hostpod.host.psi import memory_stalls
from hostpod.kube import Pod
from hostpod.plan.eviction import EVICTED, eviction_message, may_come_again, ranked
from hostpod.plan.image_garbage import wanted_by_pressure
from hostpod.plan.leaving import Leave
from hostpod.plan.observed import Verdict
from hostpod.plan.pressure import (
    RESOURCES,
    Condition,
    Pressure,
    Reading,
    Rule,
    Signal,
    changes,
    next_look_s,
    observe,
)

GRACE_S = 1.0  # the kubelet's for hard thresholds: enough to say good-bye, not enough to make it worse
GONE_S = 30.0  # how long the next waits for one that goes


class Pods(Protocol):
    """What is asked of the engine."""

    def states(self) -> Mapping[str, PodState]:
        """All pods that are on the host."""

    def wanted(self) -> Iterable[Pod]:
        """All pods that should be, on the host or not."""

    def evicted(self) -> Collection[str]:
        """Those that were evicted, also where nothing of them is on the host any more."""

    def evict(self, key: str, leave: Leave) -> None:
        """End a pod; it is shown as failed until it is forgiven."""

    def forgive(self, key: str) -> None:
        """A pod that was evicted may come again."""

    def show_conditions(self, conditions: frozenset[str]) -> None:
        """What the node is short of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Going:
    """The pod that was evicted last, and until when the next waits for its end."""

    key: str
    until: float


class PressureWatch:
    """Run it as one task."""

    def __init__(self, edges: Edges, pods: Pods) -> None:
        self._edges = edges
        self._pods = pods
        self._garbage = ImageGarbage(edges, ImageUsers(edges, pods))
        self._woken = asyncio.Event()
        self._pressure = Pressure()
        self._conditions: frozenset[Condition] = frozenset()
        self._evicted_at: dict[str, float] = {}
        self._going: _Going | None = None
        self._rests = False
        self._tells_memory = False
        self._storage = StorageWatch(edges, here=self._here, evict=self._evict)

    @property
    def conditions(self) -> frozenset[Condition]:
        """Those of the node that hold."""
        return self._conditions

    def pods_changed(self) -> None:
        """A pod came, changed or went. Cheap: most changes wake nobody."""
        if self._rests or self._going is not None or not self._is_needed():
            self._woken.set()
        self._storage.pods_changed()
        self._garbage.pods_changed()

    def look_now(self) -> None:
        """Other settings hold."""
        self._woken.set()
        self._storage.look_now()
        self._garbage.look_now()

    def _is_needed(self) -> bool:
        """Whether a pod may have to go, or to come again, or is kept away by a condition."""
        return bool(self._conditions or self._pods.states() or self._pods.evicted())

    async def run(self) -> None:
        """Watch until cancelled: what this host has left, and beside it what pods have on disk and unused images."""
        async with asyncio.TaskGroup() as all_of_them:
            all_of_them.create_task(self._storage.run(), name="storage")
            all_of_them.create_task(self._garbage.run(), name="image garbage")
            all_of_them.create_task(self._watch_always(), name="shortage")

    async def _watch_always(self) -> None:
        while True:
            self._woken.clear()
            if self._is_needed():
                with memory_stalls(self._woken.set) as self._tells_memory:
                    await self._watch()
            else:
                self._rests = True
                await self._woken.wait()
                self._rests = False

    async def _watch(self) -> None:
        while self._is_needed():
            self._woken.clear()
            wait_s = await self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()

    async def look(self) -> float:
        """Look and do what is to be done now. Returns in how many seconds to look again at the latest."""
        rule, readings = rule_of(self._edges.config.eviction), read_left(self._edges)
        self._pressure = observe(self._pressure, readings, rule, now())
        self._show(self._pressure.conditions(rule, now()))
        relieved = await self._relieve(readings, rule)
        if self._pressure.short and not self._waits_for_one():
            await self._evict_one(relieved)
        for key in self._pods.evicted():
            if may_come_again(self._evicted_at.setdefault(key, now()), self._conditions, rule, now()):
                self._pods.forgive(key)
        self._evicted_at = {key: at for key, at in self._evicted_at.items() if key in self._pods.evicted()}
        return self._look_again_s(readings)

    def _look_again_s(self, readings: Mapping[Signal, Reading]) -> float:
        rule = rule_of(self._edges.config.eviction)
        told: tuple[Signal, ...] = ("memory.available",) if self._tells_memory else ()
        wait_s = next_look_s(self._pressure, readings, rule, now(), told=told)
        ends = [at + rule.transition_s - now() for at in self._evicted_at.values()]
        return max(0.1, min([wait_s, *(end for end in ends if end > 0)]))

    def _show(self, conditions: frozenset[Condition]) -> None:
        for change in changes(self._conditions, conditions):
            node = self._edges.config.node_name
            self._edges.events.node("Normal", change.reason, f"Node {node} status is now: {change.reason}")
        if conditions != self._conditions:
            self._conditions = conditions
            self._pods.show_conditions(frozenset(conditions))

    def _waits_for_one(self) -> bool:
        """Whether a pod that was evicted is still here, and has time to end."""
        going = self._going
        if going is not None and (now() > going.until or going.key not in self._pods.states()):
            self._going = None
        return self._going is not None

    async def _relieve(self, readings: Mapping[Signal, Reading], rule: Rule) -> frozenset[Signal]:
        """Remove unused images before a pod goes, as the kubelet does. Where one went no pod goes for the same: it is
        looked again first, because a file system takes its time to free what was in use."""
        disk, paths = readings.get("imagefs.available"), self._edges.paths
        # Each look is also when the disk may have become full enough for images to go.
        shared = disk is not None and on_one_file_system(paths.images, paths.state)
        helps, wanted = wanted_by_pressure(self._pressure.short, disk, rule, holds_pods=shared)
        garbage = await self._garbage.collect(more=wanted)
        return helps if garbage.going else frozenset()

    async def _evict_one(self, relieved: Collection[Signal]) -> None:
        """End the pod that goes first, for what is most urgent of all that a pod's end can help with."""
        for short in self._pressure.short:
            if short.signal in relieved:
                continue
            resource = RESOURCES[short.signal]
            order = ranked(await usages(short.signal, self._here(), self._edges), resource)
            first = next((usage for usage in order if usage.key in self._here()), None)
            if first is None:
                continue
            self._edges.events.node("Warning", "EvictionThresholdMet", f"Attempting to reclaim {resource}")
            self._evict(first.key, eviction_message(short, first))
            self._going = _Going(key=first.key, until=now() + GONE_S)
            return

    def _here(self) -> Mapping[str, PodState]:
        """Pods that do not end, and are not about to."""
        evicted = self._pods.evicted()
        return {
            key: state
            for key, state in self._pods.states().items()
            if state.record.ending is None and key not in evicted
        }

    def _evict(self, key: str, message: str) -> None:
        at, until = now(), now() + GRACE_S
        verdict = Verdict(reason=EVICTED, message=message, since=at, grace_s=GRACE_S)
        leave = Leave(reason=EVICTED, until=until, waited_until=until, finished_too=True, verdict=verdict)
        self._evicted_at[key] = at
        self._pods.evict(key, leave)
