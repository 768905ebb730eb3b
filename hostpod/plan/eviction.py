"""Which pod goes when this host is short of something, why, and when it may come again. Pure; the kubelet's ranking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hostpod.kube.priority import CRITICAL
from hostpod.kube.quantity import NANO, Quantity
from hostpod.plan.pressure import RESOURCES, Condition, Resource, Rule, Short

EVICTED = "Evicted"
BUSY_SHARE = 0.05  # of its time, and so of one core at most, is measured what pods have on disk


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerUsage:
    """What one container has of a resource, and asked for."""

    name: str
    used: int
    requested: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What one pod has of a resource, and asked for; `containers` are those of which it is known."""

    key: str
    priority: int
    used: int
    requested: int = 0
    containers: tuple[ContainerUsage, ...] = ()


def ranked(usages: Iterable[Usage], resource: Resource) -> list[Usage]:
    """Who goes first: of memory and disk who has more than it asked for, then who matters least, then who has most.

    Critical pods never go, and none whose end would free nothing.
    """
    counts = resource in ("memory", "ephemeral-storage")
    candidates = (usage for usage in usages if usage.used > 0 and usage.priority < CRITICAL)
    return sorted(
        candidates,
        key=lambda usage: (
            counts and usage.used <= usage.requested,
            usage.priority,
            usage.requested - usage.used,
            usage.key,
        ),
    )


def eviction_message(short: Short, usage: Usage) -> str:
    """Why this pod was evicted, in the kubelet's words."""
    resource = RESOURCES[short.signal]
    threshold, available = _amount(short.threshold, resource), _amount(short.available, resource)
    words = f"The node was low on resource: {resource}. Threshold quantity: {threshold}, available: {available}. "
    for container in usage.containers:
        if container.used > container.requested:
            used, asked = _amount(container.used, resource), _amount(container.requested, resource)
            words += (
                f"Container {container.name} was using {used}, request is {asked}, "
                f"has larger consumption of {resource}. "
            )
    return words


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageUsage:
    """What a pod, or one container of it by `name`, has on disk and may have."""

    used: int
    limit: Quantity
    name: str = ""


def storage_message(usages: Iterable[StorageUsage]) -> str | None:
    """Why a pod that has more on disk than it may is evicted, in the kubelet's words; None where it has not."""
    for usage in usages:
        if usage.used <= usage.limit.value:
            continue
        if usage.name:
            return f'Container {usage.name} exceeded its local ephemeral storage limit "{usage.limit}". '
        return f"Pod ephemeral local storage usage exceeds the total limit of containers {usage.limit}. "
    return None


def next_measure_s(took_s: float, interval_s: float) -> float:
    """How long to wait after measuring what pods have on disk, which took so long: all files of a pod are looked at,
    and who writes millions of them must not keep a core or the disk busy by that."""
    return max(interval_s, took_s / BUSY_SHARE - took_s)


def _amount(count: int, resource: Resource) -> str:
    """As Kubernetes prints it: memory and disk in whole Ki, what is counted as it is."""
    if resource in ("pids", "inodes"):
        return str(count)
    return str(Quantity(nano=-(-count // 1024) * 1024 * NANO, form="binary"))


def may_come_again(evicted_at: float, conditions: frozenset[Condition], rule: Rule, now: float) -> bool:
    """Whether an evicted pod may run again: nothing is short any more, and for as long as a condition lasts."""
    return not conditions and now >= evicted_at + rule.transition_s
