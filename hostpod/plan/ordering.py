"""Which pods start after others, and end before them: the annotation hostpod.io/after. Pure.

A pod is named as in its manifest, with or without the node's name at its end; one of another namespace with that and a
slash before. All pods are known by their keys, `namespace/name`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from hostpod.kube import Pod
from hostpod.kube.annotations import AFTER
from hostpod.kube.priority import priority_of

WAITING = "WaitingForPods"

Edges = dict[str, set[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """Why a pod does not start yet; with `astray` something is to be put right before it ever does."""

    reason: str
    message: str
    astray: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """When a pod ends, in ascending order. A pod has at least the priority of those that come after it."""

    priority: int
    level: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """Who comes after whom.

    `before` are by pod the pods that come first, but for those that would do so in a circle; of such a circle in
    `cycles` each comes after the next, and the last after the first. `unknown` are names that no pod has.
    """

    before: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unknown: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cycles: tuple[tuple[str, ...], ...] = ()


def named_in(text: str) -> tuple[str, ...]:
    """The names in the annotation: `db, other/cache`."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def order_pods(pods: Mapping[str, Pod]) -> Order:
    """The order of these pods, by their annotations."""
    before: Edges = {}
    unknown: dict[str, tuple[str, ...]] = {}
    for key in sorted(pods):
        found = {name: _meant(name, pods[key], pods) for name in _after(pods[key])}
        before[key] = {meant for meant in found.values() if meant is not None}
        if missing := tuple(name for name, meant in found.items() if meant is None):
            unknown[key] = missing
    cycles = tuple(_taken_apart(before))
    return Order(before={key: frozenset(first) for key, first in before.items()}, unknown=unknown, cycles=cycles)


def _after(pod: Pod) -> tuple[str, ...]:
    return named_in(pod.metadata.annotations.get(AFTER, ""))


def _meant(name: str, pod: Pod, keys: Collection[str]) -> str | None:
    """The pod that a name in the annotation of another stands for."""
    key = name if "/" in name else f"{pod.namespace or 'default'}/{name}"
    on_node = f"{key}-{(pod.spec.node_name or '').lower()}"
    return next((each for each in (key, on_node) if each in keys), None)


def _taken_apart(before: Edges) -> Iterator[tuple[str, ...]]:
    """Every circle; what it is made of is taken out of `before`, which is free of circles then."""
    while True:
        try:
            TopologicalSorter({key: sorted(first) for key, first in before.items()}).prepare()
        except CycleError as error:
            *circle, _ = reversed(error.args[1])  # graphlib names each before the one that follows it
            for each, first in zip(circle, [*circle[1:], circle[0]], strict=True):
                before[each].discard(first)
            start = circle.index(min(circle))
            yield (*circle[start:], *circle[:start])
        else:
            return


def may_start(key: str, order: Order, ready: Collection[str]) -> Waiting | None:
    """What a pod waits for that is not on this host yet; None: nothing. `ready` are ready, or have done their work."""
    for cycle in order.cycles:
        if key in cycle:
            return Waiting(reason=WAITING, message=f"never starts: {cycle_text(cycle)}", astray=True)
    if unknown := order.unknown.get(key):
        return Waiting(
            reason=WAITING, message=f"waits for pods that no manifest has: {', '.join(unknown)}", astray=True
        )
    awaited = sorted(order.before.get(key, frozenset()) - frozenset(ready))
    if not awaited:
        return None
    return Waiting(reason=WAITING, message=f"waits for pods that are not ready: {', '.join(awaited)}")


def cycle_text(cycle: tuple[str, ...]) -> str:
    """A circle in words, and what to do."""
    if len(cycle) == 1:
        return f"pod {cycle[0]} is to start after itself: take its name out of {AFTER}"
    return f"pods start after one another in a circle, {' after '.join((*cycle, cycle[0]))}: take one out of {AFTER}"


def leaving_turns(pods: Mapping[str, Pod]) -> Mapping[str, Turn]:
    """When each of these ends: by priority, and those first that come after others."""
    before = order_pods(pods).before
    turns: dict[str, Turn] = {}
    for key in reversed(tuple(TopologicalSorter(before).static_order())):
        later = [turns[other] for other, first in before.items() if key in first]
        priority = max([priority_of(pods[key]), *(turn.priority for turn in later)])
        level = max((turn.level + 1 for turn in later if turn.priority == priority), default=0)
        turns[key] = Turn(priority=priority, level=level)
    return turns
