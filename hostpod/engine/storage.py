"""What pods that have a limit of ephemeral-storage have on disk. It is measured of no other pod."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from hostpod.engine.edges import Edges
from hostpod.engine.state import PodState
from hostpod.host.clock import monotonic
from hostpod.host.usage import disk_usage
from hostpod.kube import Pod
from hostpod.kube.pod_resources import NOTHING, container_limits
from hostpod.kube.priority import CRITICAL, priority_of
from hostpod.plan.eviction import StorageUsage, next_measure_s, storage_message

STORAGE = "ephemeral-storage"

log = logging.getLogger(__name__)


class StorageWatch:
    """Run it as one task: a pod of millions of files takes its time, and nothing else waits for it.

    It asks `here` for the pods that do not end yet, and tells `evict` of each that has more than it may and why.
    """

    def __init__(
        self, edges: Edges, *, here: Callable[[], Mapping[str, PodState]], evict: Callable[[str, str], None]
    ) -> None:
        self._edges = edges
        self._here = here
        self._evict = evict
        self._woken = asyncio.Event()
        self._rests = True

    def pods_changed(self) -> None:
        """A pod came, changed or went. Cheap: it wakes only for the first that has to be measured."""
        if self._rests and _limited(self._here()):
            self._woken.set()

    def look_now(self) -> None:
        """Other settings hold."""
        self._woken.set()

    async def run(self) -> None:
        """Measure every `eviction.storageInterval` until cancelled, or less often where that takes long; nothing while
        no pod has a limit."""
        while True:
            self._woken.clear()
            limited = _limited(self._here())
            self._rests = not limited
            began = monotonic()
            for key, message in (await asyncio.to_thread(self._exceeded, limited)).items():
                if key in self._here():
                    self._evict(key, message)
            wait_s = next_measure_s(monotonic() - began, self._edges.config.eviction.storage_interval_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s if limited else None):
                    await self._woken.wait()

    def _exceeded(self, limited: Mapping[str, PodState]) -> Mapping[str, str]:
        found = {key: self._message(state) for key, state in limited.items()}
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
