"""A pod as people see it: the v1 Pod with its status. Rendered when somebody asks, and not before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hostpod.kube import Pod, PodStatus, to_json
from hostpod.oci import qos_class
from hostpod.plan.admission import Refusal
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.observed import ObservedPod
from hostpod.plan.status import pod_status
from hostpod.plan.timestamp import timestamp


def render(seen: ObservedPod, *, now: float, rule: BackoffRule, host_ips: Sequence[str]) -> dict[str, Any]:
    """The v1 Pod, in the shape of GET /pods."""
    status = pod_status(seen, now=now, rule=rule, host_ips=host_ips, qos_class=qos_class(seen.pod))
    metadata: dict[str, Any] = {"creationTimestamp": timestamp(seen.admitted_at)}
    if seen.ending is not None:
        metadata["deletionTimestamp"] = timestamp(seen.ending.since + seen.ending.grace_s)
        metadata["deletionGracePeriodSeconds"] = int(seen.ending.grace_s)
    rendered = to_json(seen.pod.model_copy(update={"status": status}))
    rendered["metadata"] |= metadata
    return rendered


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A pod that is not taken on this node: shown as failed, as the kubelet shows it."""

    pod: Pod
    since: float
    refusal: Refusal

    def render(self) -> dict[str, Any]:
        """The v1 Pod, in the shape of GET /pods."""
        status = PodStatus(
            phase="Failed",
            reason=self.refusal.reason,
            message=f"Pod was rejected: {self.refusal.message}",
            start_time=timestamp(self.since),
            qos_class=qos_class(self.pod),
        )
        rendered = to_json(self.pod.model_copy(update={"status": status}))
        rendered["metadata"] |= {"creationTimestamp": timestamp(self.since)}
        return rendered


def not_yet_admitted(pod: Pod, *, wished_at: float, waits: str = "") -> ObservedPod:
    """What is seen of a pod that is wished and has not begun; `waits` is what it waits for."""
    return ObservedPod(pod=pod, admitted_at=wished_at, waits=waits)
