"""How all pods end, with the host or with the daemon: which of them when, and with what grace. Pure.

Pods end in ascending priority, and of one priority those first that come after others (plan/ordering.py). Those of one
turn form a wave and end side by side. A wave begins when the one before it is gone or has had its time. Short time is
shared fairly: what one wave does not need the others have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from hostpod.kube import Pod
from hostpod.kube.priority import CRITICAL
from hostpod.plan.observed import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Farewell:
    """Why all pods end, and the time there is for it: `critical_s` of `total_s` is kept for critical pods, if any.

    A wave is waited for until `slack_s` after its grace, while there is time. Pods whose containers have all ended for
    good stay as they are, but with `finished_too`. `verdict` is what the status of a pod says that was ended.
    """

    reason: str
    total_s: float = math.inf
    critical_s: float = 0.0
    slack_s: float = 30.0
    finished_too: bool = False
    verdict: Verdict | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Leave:
    """One pod is to end now. SIGKILL comes at `until` if not before; the next wave waits till `waited_until`."""

    reason: str
    until: float
    waited_until: float
    finished_too: bool = False
    verdict: Verdict | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Staying:
    """A pod that is still on the host, and whether it has been asked to leave. `level` orders those of one priority."""

    key: str
    priority: int
    grace_s: float
    level: int = 0
    leave: Leave | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaving:
    """Who leaves now, and when to look again at the latest; neither: nobody is waited for any more."""

    leaves: Mapping[str, Leave] = field(default_factory=dict)
    wake_at: float | None = None


def plan_leaving(pods: Sequence[Staying], farewell: Farewell, *, since: float, now: float) -> Leaving:
    """Who leaves now of the pods that are still there, when all began to leave at `since`."""
    awaited = [pod.leave.waited_until for pod in pods if pod.leave is not None and pod.leave.waited_until > now]
    if awaited:
        return Leaving(wake_at=min(awaited))
    waves = [list(wave) for _, wave in groupby(sorted(_not_asked(pods), key=_turn), key=_turn)]
    if not waves:
        return Leaving()
    critical = waves[0][0].priority >= CRITICAL
    reserve_s = farewell.critical_s if any(pod.priority >= CRITICAL for pod in pods) else 0.0
    end = _end(farewell.total_s, min(reserve_s, farewell.total_s), since, now, critical=critical)
    rivals = [wave for wave in waves if (wave[0].priority >= CRITICAL) == critical]
    share_s = _share_s([_wanted_s(wave) for wave in rivals], max(0.0, end - now))
    leave = Leave(
        reason=farewell.reason,
        until=now + share_s,
        waited_until=max(now, min(now + min(share_s, _wanted_s(waves[0])) + farewell.slack_s, end)),
        finished_too=farewell.finished_too,
        verdict=farewell.verdict,
    )
    return Leaving(leaves={pod.key: leave for pod in waves[0]}, wake_at=leave.waited_until)


def longest_s(pods: Sequence[Staying], farewell: Farewell) -> float:
    """How long it takes until all are gone or have had their time, at most."""
    waves = groupby(sorted(pods, key=_turn), key=_turn)
    return min(farewell.total_s, sum(_wanted_s(list(wave)) + farewell.slack_s for _, wave in waves))


def _not_asked(pods: Sequence[Staying]) -> list[Staying]:
    return [pod for pod in pods if pod.leave is None]


def _turn(pod: Staying) -> tuple[int, int]:
    return pod.priority, pod.level


def _wanted_s(wave: Sequence[Staying]) -> float:
    return max(pod.grace_s for pod in wave)


def _end(total_s: float, critical_s: float, since: float, now: float, *, critical: bool) -> float:
    """When the pods of this class have to be gone: as with the kubelet each class has a period of its own."""
    if math.isinf(total_s):
        return math.inf
    return min(since + total_s, now + critical_s) if critical else since + total_s - critical_s


def _share_s(wanted_s: Sequence[float], left_s: float) -> float:
    """The most that each may have so that all together have what is left; infinite where there is enough for all."""
    rest_s = left_s
    ordered = sorted(wanted_s)
    for position, want_s in enumerate(ordered):
        equal_s = rest_s / (len(ordered) - position)
        if want_s > equal_s:
            return equal_s
        rest_s -= want_s
    return math.inf


def grace_of(pod: Pod) -> float:
    """The pod's own grace period; Kubernetes' default where it names none."""
    grace_s = pod.spec.termination_grace_period_seconds
    return 30.0 if grace_s is None else float(grace_s)
