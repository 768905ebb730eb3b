"""Requests and limits to what the kernel is told: class of service, shares, quota, memory, oom_score_adj.

The formulas are the kubelet's (pkg/kubelet/cm/helpers_linux.go, pkg/kubelet/qos/policy.go).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hostpod.kube import Container, Pod
from hostpod.kube.huge_pages import HUGE_PAGES, huge_pages_name, hugetlb_size, page_bytes
from hostpod.kube.pod_resources import (
    NOTHING,
    container_requests,
    is_sidecar,
    limit_of,
    pod_limit,
    pod_requests,
    qos_class,
    whole,
)
from hostpod.kube.priority import CRITICAL, priority_of
from hostpod.kube.quantity import Quantity
from hostpod.oci.security import is_privileged
from hostpod.oci.values import Json, Privileges

CPU_PERIOD_US = 100_000
SMALLEST_QUOTA_US = 1000
SMALLEST_SHARES = 2
LARGEST_SHARES = 262_144
PAGE_BYTES = 4096

PAUSE_OOM_SCORE_ADJ = -998
GUARANTEED_OOM_SCORE_ADJ = -997
BESTEFFORT_OOM_SCORE_ADJ = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class PodLimits:
    """Limits of a whole pod; None is no limit. `huge_pages` are octets by size of page, as control files name it."""

    cpu_shares: int
    cpu_quota_us: int | None
    memory_limit_bytes: int | None
    pids_limit: int | None
    huge_pages: Mapping[str, int] = field(default_factory=dict)


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
        huge_pages={
            hugetlb_size(page_bytes(name)): limit.value
            for name, limit in whole(pod.spec).limits.items()
            if name.startswith(HUGE_PAGES)
        },
    )


def shares(milli_cpu: int) -> int:
    """cpu.shares for thousandths of a core: a whole core is 1024."""
    return max(SMALLEST_SHARES, min(milli_cpu * 1024 // 1000, LARGEST_SHARES))


def quota_us(milli_cpu: int) -> int:
    """CPU time in each period of 100 ms."""
    return max(SMALLEST_QUOTA_US, milli_cpu * CPU_PERIOD_US // 1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryRule:
    """How containers are held to memory beside their limits, on v2.

    `throttling_factor` is the part of what is between request and limit from which on a container is slowed down (None:
    not at all); without a limit `allocatable_bytes`, what the host has for pods, is the limit. `limited_swap` gives
    Burstable pods a share of the host's swap; no other has any.
    """

    throttling_factor: float | None = None
    allocatable_bytes: int = 0
    limited_swap: bool = False


NO_SWAP = MemoryRule()


def container_resources(
    pod: Pod, container: Container, privileges: Privileges, rule: MemoryRule = NO_SWAP, devices: Sequence[Json] = ()
) -> Json:
    """linux.resources: weight and limits of one container, as far as the host has controllers for them.

    Other devices than these are denied here, but to who is privileged; runc allows its harmless ones.
    """
    resources: Json = {"devices": [{"allow": is_privileged(container), "access": "rwm"}, *devices]}
    if "cpu" in privileges.controllers:
        resources["cpu"] = _cpu(pod, container)
    if "memory" in privileges.controllers:
        resources |= _memory(pod, container, privileges, rule)
    if pages := huge_page_limits(pod, container, privileges):
        resources["hugepageLimits"] = pages
    return resources


def _cpu(pod: Pod, container: Container) -> Json:
    limit = limit_of(pod, container, "cpu")
    asked = container.resources.requests.get("cpu") or limit
    cpu: Json = {"shares": shares(asked.milli) if asked else SMALLEST_SHARES}
    if limit:
        cpu |= {"quota": quota_us(limit.milli), "period": CPU_PERIOD_US}
    return cpu


def _memory(pod: Pod, container: Container, privileges: Privileges, rule: MemoryRule) -> Json:
    limit = limit_of(pod, container, "memory")
    if not privileges.cgroup_v2:
        return {"memory": {"limit": limit.value}} if limit else {}
    # One process killed for memory takes its container with it; v1 knows no such thing.
    unified = {"memory.oom.group": "1"}
    if rule.throttling_factor is not None:
        high = memory_high(_asked_memory(container).value, limit.value if limit else rule.allocatable_bytes, rule)
        unified["memory.high"] = "max" if high is None else str(high)
    swap = swap_bytes(pod, container, privileges) if rule.limited_swap else 0
    if limit:
        # What the runtime calls swap is memory and swap together: the same number is no swap.
        return {"unified": unified, "memory": {"limit": limit.value, "swap": limit.value + swap}}
    if privileges.swap_bytes:
        unified["memory.swap.max"] = str(swap)
    return {"unified": unified}


def memory_high(asked: int, limit: int, rule: MemoryRule) -> int | None:
    """memory.high, in whole pages; None where nothing is between request and limit."""
    high = math.floor((asked + (limit - asked) * (rule.throttling_factor or 0)) / PAGE_BYTES) * PAGE_BYTES
    return high if high > asked else None


def swap_bytes(pod: Pod, container: Container, privileges: Privileges) -> int:
    """A container's share of the host's swap: that which it requests of the host's memory. None but for Burstable pods
    that are not critical, and not where it requests just its limit."""
    asked = _asked_memory(container)
    if (
        qos_class(pod) != "Burstable"
        or asked == container.resources.limits.get("memory")
        or priority_of(pod) >= CRITICAL
    ):
        return 0
    return privileges.swap_bytes * asked.value // max(privileges.memory_bytes, 1)


def huge_page_limits(pod: Pod, container: Container, privileges: Privileges) -> list[Json]:
    """Huge pages of every size that the host has: who asks for none may have none."""
    if "hugetlb" not in privileges.controllers:
        return []
    asked = {name for each in (container.resources, whole(pod.spec)) for name in each.limits}
    sizes = {*privileges.huge_page_sizes, *map(page_bytes, (name for name in asked if name.startswith(HUGE_PAGES)))}
    limits = {size: limit_of(pod, container, huge_pages_name(size)) for size in sorted(sizes)}
    return [{"pageSize": hugetlb_size(size), "limit": limit.value if limit else 0} for size, limit in limits.items()]


def oom_score_adj(pod: Pod, container: Container, memory_bytes: int) -> int:
    """Who is killed first when the host has no memory left: who asked for little and uses much.

    A sidecar goes no sooner than the containers that it serves. What a pod asks for as a whole beyond its containers is
    shared by them in equal parts.
    """
    qos = qos_class(pod)
    if qos == "Guaranteed":
        return GUARANTEED_OOM_SCORE_ADJ
    if qos == "BestEffort":
        return BESTEFFORT_OOM_SCORE_ADJ
    asked = _asked_memory(container)
    if is_sidecar(container) and container in pod.spec.init_containers:
        asked = max(asked, min(_asked_memory(each) for each in pod.spec.containers))
    score = 1000 - 1000 * (asked.value + _shared_memory(pod)) // max(memory_bytes, 1)
    return max(1000 + GUARANTEED_OOM_SCORE_ADJ, min(score, BESTEFFORT_OOM_SCORE_ADJ - 1))


def _shared_memory(pod: Pod) -> int:
    own = whole(pod.spec).requests.get("memory")
    if own is None:
        return 0
    of_containers = container_requests(pod.spec).get("memory", NOTHING)
    return (own.value - of_containers.value) // (len(pod.spec.containers) + len(pod.spec.init_containers))


def _asked_memory(container: Container) -> Quantity:
    return container.resources.requests.get("memory") or container.resources.limits.get("memory") or NOTHING
