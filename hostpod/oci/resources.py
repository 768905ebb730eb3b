"""Requests and limits to what the kernel is told: class of service, shares, quota, memory, oom_score_adj.

The formulas are the kubelet's (pkg/kubelet/cm/helpers_linux.go, pkg/kubelet/qos/policy.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from hostpod.kube import Container, Pod
from hostpod.kube.quantity import Quantity
from hostpod.oci.values import Json, Privileges

QosClass = Literal["Guaranteed", "Burstable", "BestEffort"]
Amounts = Mapping[str, Quantity]

CPU_PERIOD_US = 100_000
SMALLEST_QUOTA_US = 1000
SMALLEST_SHARES = 2
LARGEST_SHARES = 262_144

PAUSE_OOM_SCORE_ADJ = -998
GUARANTEED_OOM_SCORE_ADJ = -997
BESTEFFORT_OOM_SCORE_ADJ = 1000

_COMPUTE = ("cpu", "memory")


@dataclass(frozen=True, kw_only=True, slots=True)
class PodLimits:
    """Limits of a whole pod; None is no limit."""

    cpu_shares: int
    cpu_quota_us: int | None
    memory_limit_bytes: int | None
    pids_limit: int | None


def qos_class(pod: Pod) -> QosClass:
    """Guaranteed: every container limits cpu and memory and asks for just that much. BestEffort: none says a thing."""
    containers = (*pod.spec.init_containers, *pod.spec.containers)
    said = [_compute(amounts) for c in containers for amounts in (c.resources.requests, c.resources.limits)]
    if not any(said):
        return "BestEffort"
    guaranteed = all(_is_guaranteed(container) for container in containers)
    return "Guaranteed" if guaranteed else "Burstable"


def _is_guaranteed(container: Container) -> bool:
    limits, requests = _compute(container.resources.limits), _compute(container.resources.requests)
    return len(limits) == len(_COMPUTE) and all(requests.get(name, limit) == limit for name, limit in limits.items())


def _compute(amounts: Amounts) -> dict[str, Quantity]:
    """cpu and memory, zero left out: asking for nothing is not asking."""
    return {name: amounts[name] for name in _COMPUTE if name in amounts and amounts[name].nano > 0}


def pod_limits(pod: Pod, *, pids_limit: int = 0) -> PodLimits:
    """What the pod's cgroup gets. A limit counts only when every container has it; `pids_limit` 0 is none."""
    besteffort = qos_class(pod) == "BestEffort"
    cpu = _all_of(pod, "cpu")
    memory = _all_of(pod, "memory")
    return PodLimits(
        cpu_shares=SMALLEST_SHARES if besteffort else shares(_requested_milli(pod)),
        cpu_quota_us=None if cpu is None else quota_us(cpu.milli),
        memory_limit_bytes=None if memory is None else memory.value,
        pids_limit=pids_limit or None,
    )


def _all_of(pod: Pod, name: str) -> Quantity | None:
    """The sum of a limit over all containers, or the largest of an init container; None when one has no such limit."""
    together = [container.resources.limits.get(name) for container in pod.spec.containers]
    before = [container.resources.limits.get(name) for container in pod.spec.init_containers]
    if any(limit is None or limit.nano == 0 for limit in (*together, *before)):
        return None
    return _most(together, before)


def _requested_milli(pod: Pod) -> int:
    together = [container.resources.requests.get("cpu") for container in pod.spec.containers]
    before = [container.resources.requests.get("cpu") for container in pod.spec.init_containers]
    return _most(together, before).milli


def _most(together: Iterable[Quantity | None], one_by_one: Iterable[Quantity | None]) -> Quantity:
    """What containers that run at once need, or a container that runs before them, whichever is more."""
    summed = sum((amount for amount in together if amount is not None), Quantity(nano=0))
    return max([summed, *(amount for amount in one_by_one if amount is not None)])


def shares(milli_cpu: int) -> int:
    """cpu.shares for thousandths of a core: a whole core is 1024."""
    return max(SMALLEST_SHARES, min(milli_cpu * 1024 // 1000, LARGEST_SHARES))


def quota_us(milli_cpu: int) -> int:
    """CPU time in each period of 100 ms."""
    return max(SMALLEST_QUOTA_US, milli_cpu * CPU_PERIOD_US // 1000)


def container_resources(container: Container, privileges: Privileges) -> Json:
    """linux.resources: weight and limits of one container, as far as the host has controllers for them.

    Devices are denied here; runc allows its harmless ones.
    """
    resources: Json = {"devices": [{"allow": False, "access": "rwm"}]}
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
    """Who is killed first when the host has no memory left: who asked for little and uses much."""
    qos = qos_class(pod)
    if qos == "Guaranteed":
        return GUARANTEED_OOM_SCORE_ADJ
    if qos == "BestEffort":
        return BESTEFFORT_OOM_SCORE_ADJ
    asked = container.resources.requests.get("memory") or container.resources.limits.get("memory")
    score = 1000 - (1000 * asked.value // max(memory_bytes, 1) if asked else 0)
    return max(1000 + GUARANTEED_OOM_SCORE_ADJ, min(score, BESTEFFORT_OOM_SCORE_ADJ - 1))
