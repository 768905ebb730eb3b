"""When a container is probed, and what its probes say: results in a row against thresholds, as the kubelet counts."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import Literal, assert_never

from hostpod.kube import Container, Probe

ProbeKind = Literal["startup", "liveness", "readiness"]

# As long as nothing is known: a container has not started, lives, and is not ready.
_AT_FIRST: dict[ProbeKind, bool | None] = {"startup": None, "liveness": True, "readiness": False}

# Probes of one period begin within this time after its begin (seconds), each at a moment of its own.
SPREAD_S = 1.0

# These moments are full ticks (seconds), so that many probes have ten of them in a second: what costs most of a probe
# is that it wakes the daemon. With ticks of 25 ms 200 probes a second cost half as much again.
TICK_S = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeCount:
    """What probes said so far. `passing` is their result, None before a startup probe has one; the last `run` of them
    in a row said `last`."""

    passing: bool | None
    last: bool = False
    run: int = 0


def probe_of(container: Container, kind: ProbeKind) -> Probe | None:
    """The probe of a kind that a container has."""
    match kind:
        case "startup":
            return container.startup_probe
        case "liveness":
            return container.liveness_probe
        case "readiness":
            return container.readiness_probe
        case _:
            assert_never(kind)


def wanted_now(container: Container, *, hook_over: bool, started: bool, ends: bool) -> tuple[ProbeKind, ...]:
    """The probes that a running container is asked now.

    None before its postStart hook is over; the startup probe alone until it has `started`; and when it `ends`, alone or
    with its pod, only readiness is of interest.
    """
    kinds: tuple[ProbeKind, ...] = ("liveness", "readiness") if started else ("startup",)
    if not hook_over:
        kinds = ()
    return tuple(kind for kind in kinds if probe_of(container, kind) and not (ends and kind != "readiness"))


def before_first(kind: ProbeKind, *, passing: bool | None = None) -> ProbeCount:
    """The count of a container that was not probed yet, or whose result an earlier daemon wrote down."""
    return ProbeCount(passing=_AT_FIRST[kind] if passing is None else passing)


def after(count: ProbeCount, probe: Probe, *, ok: bool) -> ProbeCount:
    """The count after one more probe. Its result changes when a threshold is reached, and not before."""
    run = count.run + 1 if count.run and count.last == ok else 1
    threshold = (probe.success_threshold if ok else probe.failure_threshold) or (1 if ok else 3)
    return ProbeCount(passing=ok if run >= threshold else count.passing, last=ok, run=run)


def is_decided(count: ProbeCount, kind: ProbeKind) -> bool:
    """Whether no further probe can change anything: the container has started, or is going to be killed."""
    match kind:
        case "startup":
            return count.passing is not None
        case "liveness":
            return not count.passing
        case "readiness":
            return False
        case _:
            assert_never(kind)


def first_wait_s(probe: Probe, *, age_s: float, share: float, soon: bool) -> float:
    """How long to wait before the first probe of a container that runs since `age_s` seconds.

    `soon` asks for it as soon as it may be: somebody waits for its result. Else it has its place in the period.
    """
    delay_s = probe.initial_delay_seconds or 0
    if soon:
        return max(0.0, delay_s - age_s)
    return _next_place_s(probe, share, at_least_s=max(age_s, delay_s)) - age_s


def next_wait_s(probe: Probe, *, age_s: float, begun_s: float, share: float) -> float:
    """How long to wait after a probe that began `begun_s` seconds after the container's start.

    The next one begins a period after it, or at once where it took longer than that.
    """
    # Half a period, not a whole one: the last began a little after its place.
    return max(0.0, _next_place_s(probe, share, at_least_s=begun_s + _period_s(probe) / 2) - age_s)


def share_of(cid: str, kind: ProbeKind) -> float:
    """Where in the spread a probe has its place, 0 ≤ share < 1. It is the same after a restart of the daemon."""
    return zlib.crc32(f"{cid} {kind}".encode()) / 2**32


def tick_at(at: float) -> float:
    """The full tick that is not before a moment, by any clock that counts seconds."""
    return math.ceil(at / TICK_S) * TICK_S


def _period_s(probe: Probe) -> float:
    return float(probe.period_seconds or 10)


def _next_place_s(probe: Probe, share: float, *, at_least_s: float) -> float:
    """The first place that is not before `at_least_s`, in seconds after the container's start."""
    period_s = _period_s(probe)
    first_s = (probe.initial_delay_seconds or 0) + share * min(SPREAD_S, period_s)
    return first_s + max(0, math.ceil((at_least_s - first_s) / period_s)) * period_s
