"""How long to wait before a repeat: the kubelet's rule of 10 s, doubled to 300 s, forgotten after ten good minutes."""

from __future__ import annotations

from dataclasses import dataclass

from hostpod.plan.observed import Failure, ObservedContainer


@dataclass(frozen=True, kw_only=True, slots=True)
class BackoffRule:
    """Waits in seconds: the first, the longest, and the run time after which an end counts as the first again."""

    initial_s: float = 10.0
    max_s: float = 300.0
    reset_s: float = 600.0


def restart_wait_s(ended: ObservedContainer, rule: BackoffRule) -> float:
    """How long after its end an ended attempt is followed by the next: nothing after a first or a long run."""
    changed = ended.stopping is not None and ended.stopping.then == "afresh"
    return 0.0 if changed or _ran_long(ended, rule) else ended.backoff_s


def next_backoff_s(ended: ObservedContainer, rule: BackoffRule) -> float:
    """The wait that will follow the attempt after `ended`."""
    waited_s = restart_wait_s(ended, rule)
    return min(waited_s * 2, rule.max_s) if waited_s else min(rule.initial_s, rule.max_s)


def retry_at(failure: Failure, rule: BackoffRule) -> float:
    """When an action that the world refused is tried again (wall seconds)."""
    doublings = min(failure.count - 1, 32)
    return failure.at + min(rule.initial_s * 2.0**doublings, rule.max_s)


def _ran_long(ended: ObservedContainer, rule: BackoffRule) -> bool:
    if ended.started_at is None or ended.finished_at is None:
        return False
    return ended.finished_at - ended.started_at >= rule.reset_s
