"""What this host runs short of, and the conditions of the node that tell of it. Pure: readings and time come in.

Signals, conditions and words are the kubelet's (pkg/kubelet/eviction); of its thresholds only the hard ones exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hostpod.config.amounts import Threshold

Signal = Literal[
    "memory.available", "pid.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available",
    "imagefs.inodesFree",
]  # fmt: skip
Condition = Literal["MemoryPressure", "DiskPressure", "PIDPressure"]
Resource = Literal["memory", "pids", "ephemeral-storage", "inodes"]

# In the order in which they are seen to: what kills at once comes first.
CONDITIONS: Mapping[Signal, Condition] = {
    "memory.available": "MemoryPressure",
    "pid.available": "PIDPressure",
    "nodefs.available": "DiskPressure",
    "nodefs.inodesFree": "DiskPressure",
    "imagefs.available": "DiskPressure",
    "imagefs.inodesFree": "DiskPressure",
}
RESOURCES: Mapping[Signal, Resource] = {
    "memory.available": "memory",
    "pid.available": "pids",
    "nodefs.available": "ephemeral-storage",
    "nodefs.inodesFree": "inodes",
    "imagefs.available": "ephemeral-storage",
    "imagefs.inodesFree": "inodes",
}

# How fast each can go at most, a second: nobody has to look before it could be short. Against a process that forks as
# fast as it can no look comes in time (the setting cgroups.pidsLimit does); one that leaks threads is slower than this.
_FASTEST = {"memory": 4 << 30, "pids": 100, "ephemeral-storage": 1 << 30, "inodes": 100_000}
SOONEST_S = 10.0  # the kubelet's interval
LATEST_S = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What is left of all there is: bytes, inodes or processes."""

    available: int
    capacity: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """How much must be left, how much more after it was short, and how long a condition outlasts what it tells of."""

    thresholds: Mapping[Signal, Threshold]
    reclaim: Threshold
    transition_s: float = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Short:
    """A signal that is below its threshold."""

    signal: Signal
    threshold: int
    available: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pressure:
    """What is short now, most urgent first, and when each condition was last seen to hold (wall seconds)."""

    short: tuple[Short, ...] = ()
    seen_at: Mapping[Condition, float] = field(default_factory=dict)

    def conditions(self, rule: Rule, now: float) -> frozenset[Condition]:
        """Those that hold, or did until a short time ago."""
        return frozenset(name for name, at in self.seen_at.items() if at <= now < at + rule.transition_s)


def observe(before: Pressure, readings: Mapping[Signal, Reading], rule: Rule, now: float) -> Pressure:
    """What is short by new readings; what was short before is so until there is more of it by the reclaim."""
    was = {each.signal for each in before.short}
    short = []
    for signal in CONDITIONS:
        reading, threshold = readings.get(signal), _threshold(signal, readings, rule)
        if reading is None or not threshold:
            continue
        enough = threshold + (rule.reclaim.of(reading.capacity) if signal in was else 0)
        if reading.available < enough:
            short.append(Short(signal=signal, threshold=threshold, available=reading.available))
    seen_at = {**before.seen_at, **{CONDITIONS[each.signal]: now for each in short}}
    return Pressure(short=tuple(short), seen_at=seen_at)


def _threshold(signal: Signal, readings: Mapping[Signal, Reading], rule: Rule) -> int:
    """How much must be left; 0 where nothing must, or nobody can tell."""
    reading, limit = readings.get(signal), rule.thresholds.get(signal)
    return limit.of(reading.capacity) if limit and reading else 0


def next_look_s(
    pressure: Pressure, readings: Mapping[Signal, Reading], rule: Rule, now: float, *, told: Iterable[Signal] = ()
) -> float:
    """How long nobody needs to look: until something could be short. The kernel itself tells of what is `told`."""
    waits = [SOONEST_S if pressure.short else LATEST_S]
    for signal in CONDITIONS.keys() - set(told):
        reading, threshold = readings.get(signal), _threshold(signal, readings, rule)
        if reading is not None and threshold:
            waits.append((reading.available - threshold) / _FASTEST[RESOURCES[signal]])
    ends = [pressure.seen_at[name] + rule.transition_s - now for name in pressure.conditions(rule, now)]
    return max(SOONEST_S, min([*waits, *ends]))


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionChange:
    """A condition that began or ended, by the kubelet's name of the event."""

    reason: str
    condition: Condition
    holds: bool


_REASONS: Mapping[Condition, tuple[str, str]] = {
    "MemoryPressure": ("NodeHasInsufficientMemory", "NodeHasSufficientMemory"),
    "DiskPressure": ("NodeHasDiskPressure", "NodeHasNoDiskPressure"),
    "PIDPressure": ("NodeHasInsufficientPID", "NodeHasSufficientPID"),
}


def changes(before: frozenset[Condition], after: frozenset[Condition]) -> Sequence[ConditionChange]:
    """Which conditions began and ended."""
    return [
        ConditionChange(reason=reasons[0 if name in after else 1], condition=name, holds=name in after)
        for name, reasons in _REASONS.items()
        if (name in before) != (name in after)
    ]
