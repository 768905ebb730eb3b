"""What pods that have a limit of ephemeral-storage have on disk. It is measured of no other pod."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from hostpod.engine.edges import Edges
from hostpod.engine.paths import PRIVATE
from hostpod.engine.records import ContainerRecord
from hostpod.engine.state import PodState
from hostpod.host.clock import monotonic
from hostpod.host.log_place import make_log_place
from hostpod.host.project_quota import give_project, projects_usage
from hostpod.host.usage import disk_usage
from hostpod.kube import Pod, Quantity
from hostpod.kube.pod_resources import NOTHING, container_limits
from hostpod.kube.priority import CRITICAL, priority_of
from hostpod.plan.eviction import StorageUsage, next_measure_s, storage_message

STORAGE = "ephemeral-storage"
WALK_EVERY = 10

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
        self._round = 0
        self._walks = False

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
            self._round += 1
            self._walks = self._round % WALK_EVERY == 0
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
        pod, paths, logs = state.record.pod, state.paths, _logs(state, self._edges)
        records = tuple(state.containers.values())
        layers = [paths.container(record.id).layer for record in records]
        used = self._used(paths.state, layers) + self._used(logs, {logs / record.name for record in records})
        yield StorageUsage(used=used, limit=container_limits(pod.spec)[STORAGE])
        for record, layer in zip(records, layers, strict=True):
            limit = _limit_of(pod, record.name)
            if limit.nano and record.phase == "running":
                used = self._used(layer) + self._used(logs / record.name)
                yield StorageUsage(used=used, limit=limit, name=record.name)

    def _used(self, top: Path, parts: Iterable[Path] = ()) -> int:
        """Octets: the file system's own count where it keeps one, but now and then, and else always, what a walk finds:
        a container may give a file of its own to another project."""
        counted = None if self._walks else projects_usage(top, parts)
        return (disk_usage((top,)) if counted is None else counted).used_bytes


def _limited(pods: Mapping[str, PodState]) -> dict[str, PodState]:
    return {key: state for key, state in pods.items() if state.record.ending is None and is_limited(state.record.pod)}


def is_limited(pod: Pod) -> bool:
    """Whether it is measured what a pod has on disk."""
    return any(_limit_of(pod, each.name).nano for each in pod.spec.all_containers) and priority_of(pod) < CRITICAL


def _limit_of(pod: Pod, container: str) -> Quantity:
    return pod.spec.container(container).resources.limits.get(STORAGE, NOTHING)


def _logs(state: PodState, edges: Edges) -> Path:
    pod = state.record.pod
    return edges.paths.pod_logs(pod.namespace or "default", pod.name, state.uid)


def count_pod(state: PodState, edges: Edges) -> None:
    """Have the file system count what a pod will have on disk, if it can. Raises OSError, LogError."""
    state.paths.state.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    give_project(state.paths.state)
    make_log_place(_logs(state, edges) / "log", edges.paths.logs)
    give_project(_logs(state, edges))


def count_container(state: PodState, record: ContainerRecord, edges: Edges) -> None:
    """The same for one attempt of a container that has a limit of its own."""
    if is_limited(state.record.pod) and _limit_of(state.record.pod, record.name).nano:
        layer = state.paths.container(record.id).layer
        layer.mkdir(parents=True, exist_ok=True)
        give_project(layer)
        give_project(_logs(state, edges) / record.name)
