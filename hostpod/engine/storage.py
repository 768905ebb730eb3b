"""What pods that have a limit of ephemeral-storage have on disk. It is measured of no other pod."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterator, Mapping

from hostpod.engine.edges import Edges
from hostpod.engine.state import PodState
from hostpod.host.clock import now
from hostpod.host.usage import disk_usage
from hostpod.kube import Pod
from hostpod.kube.pod_resources import NOTHING, container_limits
from hostpod.kube.priority import CRITICAL, priority_of
from hostpod.plan.eviction import StorageUsage, storage_message

STORAGE = "ephemeral-storage"

log = logging.getLogger(__name__)


class StorageLimits:
    """Ask it again and again; it measures no more often than `eviction.storageInterval` says."""

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self._known: frozenset[str] = frozenset()
        self._due = math.inf

    def is_new(self, pods: Mapping[str, PodState]) -> bool:
        """Whether a pod came that has to be measured, and none was before."""
        return not self._known and bool(_limited(pods))

    def next_s(self) -> float:
        """In how many seconds to ask again."""
        return self._due - now()

    async def exceeded(self, pods: Mapping[str, PodState]) -> Mapping[str, str]:
        """The message of each pod that has more than it may, where it is time to look."""
        limited, interval_s = _limited(pods), self._edges.config.eviction.storage_interval_s
        self._due = min(self._due, now() + interval_s)
        if limited and self._known and now() < self._due:
            return {}
        self._known = frozenset(limited)
        found = await asyncio.to_thread(lambda: {key: self._message(state) for key, state in limited.items()})
        self._due = now() + interval_s if limited else math.inf
        return {key: message for key, message in found.items() if message is not None}

    def _message(self, state: PodState) -> str | None:
        try:
            return storage_message(self._usages(state))
        except OSError as error:  # of this pod alone: the others are held to their limits
            log.warning("cannot measure what pod %s has on disk: %s", state.record.pod.name, error)
            return None

    def _usages(self, state: PodState) -> Iterator[StorageUsage]:
        """The whole pod first: its writable layers, volumes and logs; then each container without volumes."""
        pod = state.record.pod
        logs = self._edges.paths.pod_logs(pod.namespace or "default", pod.name, state.uid)
        used = disk_usage((self._edges.paths.pod(state.uid).state, logs)).used_bytes
        yield StorageUsage(used=used, limit=container_limits(pod.spec)[STORAGE])
        for record in tuple(state.containers.values()):
            limit = pod.spec.container(record.name).resources.limits.get(STORAGE, NOTHING)
            if limit.nano and record.phase == "running":
                layer = state.paths.container(record.id).upper
                yield StorageUsage(
                    used=disk_usage((layer, logs / record.name)).used_bytes, limit=limit, name=record.name
                )


def _limited(pods: Mapping[str, PodState]) -> dict[str, PodState]:
    return {key: state for key, state in pods.items() if state.record.ending is None and _is_limited(state.record.pod)}


def _is_limited(pod: Pod) -> bool:
    limits = (container.resources.limits.get(STORAGE, NOTHING) for container in pod.spec.all_containers)
    return any(limit.nano for limit in limits) and priority_of(pod) < CRITICAL
