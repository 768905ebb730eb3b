"""Requests and limits to what the kernel is told: class of service, shares, quota, memory, oom_score_adj.

The formulas are the kubelet's (pkg/kubelet/cm/helpers_linux.go, pkg/kubelet/qos/policy.go).
"""

from __future__ import annotations

from dataclasses import dataclass

from hostpod.kube import Container, Pod
from hostpod.kube.pod_resources import NOTHING, is_sidecar, pod_limit, pod_requests, qos_class
from hostpod.kube.quantity import Quantity
from hostpod.oci.security import is_privileged
from hostpod.oci.values import Json, Privileges

CPU_PERIOD_US = 100_000
SMALLEST_QUOTA_US = 1000
SMALLEST_SHARES = 2
LARGEST_SHARES = 262_144

PAUSE_OOM_SCORE_ADJ = -998
GUARANTEED_OOM_SCORE_ADJ = -997
BESTEFFORT_OOM_SCORE_ADJ = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class PodLimits:
    """Limits of a whole pod; None is no limit."""

    cpu_shares: int
    cpu_quota_us: int | None
    memory_limit_bytes: int | None
    pids_limit: int | None


def pod_limits(pod: Pod, *, pids_limit: int = 0) -> PodLimits:
    """What the pod's cgroup gets. A limit counts only when every container has it; `pids_limit` 0 is none."""
    besteffort = qos_class(pod) == "BestEffort"
    cpu = pod_limit(pod, "cpu")
    memory = pod_limit(pod, "memory")
    asked = pod_requests(pod).get("cpu", NOTHING)
    return PodLimits(
        cpu_shares=SMALLEST_SHARES if besteffort else shares(asked.milli),
        cpu_quota_us=None if cpu is None else quota_us(cpu.milli),
        memory_limit_bytes=None if memory is None else memory.value,
        pids_limit=pids_limit or None,
    )


def shares(milli_cpu: int) -> int:
    """cpu.shares for thousandths of a core: a whole core is 1024."""
    return max(SMALLEST_SHARES, min(milli_cpu * 1024 // 1000, LARGEST_SHARES))


def quota_us(milli_cpu: int) -> int:
    """CPU time in each period of 100 ms."""
    return max(SMALLEST_QUOTA_US, milli_cpu * CPU_PERIOD_US // 1000)


def container_resources(container: Container, privileges: Privileges) -> Json:
    """linux.resources: weight and limits of one container, as far as the host has controllers for them.

    Devices are denied here, but to who is privileged; runc allows its harmless ones.
    """
    resources: Json = {"devices": [{"allow": is_privileged(container), "access": "rwm"}]}
    if "cpu" in privileges.controllers:
        resources["cpu"] = _cpu(container)
    if "memory" in privileges.controllers:
        resources |= _memory(container, v2=privileges.cgroup_v2)
    return resources


def _cpu(container: Container) -> Json:
    limit = container.resources.limits.get("cpu")
    asked = container.resources.requests.get("cpu") or limit
    cpu: Json = {"shares": shares(asked.milli) if asked else SMALLEST_SHARES}
    if limit and limit.nano > 0:
        cpu |= {"quota": quota_us(limit.milli), "period": CPU_PERIOD_US}
    return cpu


def _memory(container: Container, *, v2: bool) -> Json:
    # One process killed for memory takes its container with it; v1 knows no such thing.
    resources: Json = {"unified": {"memory.oom.group": "1"}} if v2 else {}
    limit = container.resources.limits.get("memory")
    if limit and limit.nano > 0:
        # What the runtime calls swap is memory and swap together: the same number is no swap.
        resources["memory"] = {"limit": limit.value} | ({"swap": limit.value} if v2 else {})
    return resources


def oom_score_adj(pod: Pod, container: Container, memory_bytes: int) -> int:
    """Who is killed first when the host has no memory left: who asked for little and uses much.

    A sidecar goes no sooner than the containers that it serves.
    """
    qos = qos_class(pod)
    if qos == "Guaranteed":
        return GUARANTEED_OOM_SCORE_ADJ
    if qos == "BestEffort":
        return BESTEFFORT_OOM_SCORE_ADJ
    asked = _asked_memory(container)
    if is_sidecar(container) and container in pod.spec.init_containers:
        asked = max(asked, min(_asked_memory(each) for each in pod.spec.containers))
    score = 1000 - 1000 * asked.value // max(memory_bytes, 1)
    return max(1000 + GUARANTEED_OOM_SCORE_ADJ, min(score, BESTEFFORT_OOM_SCORE_ADJ - 1))


def _asked_memory(container: Container) -> Quantity:
    return container.resources.requests.get("memory") or container.resources.limits.get("memory") or NOTHING
