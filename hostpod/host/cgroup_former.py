"""Two drivers on one host: another made pods that are still there, before a setting or the host's process 1 changed.

A pod stays with the driver that made it, until its cgroup has gone; which one that is, its cgroup's place tells. So
nothing has to be written down, and pods change over one by one, as they end and come again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from hostpod.host.cgroup import PodCgroup, PodLimits
from hostpod.host.cgroup_layout import Layout

if TYPE_CHECKING:
    from hostpod.host.cgroup_fs import FileCgroups
    from hostpod.host.cgroup_systemd import SystemdCgroups

    Driver = FileCgroups | SystemdCgroups


class ChangedCgroups:
    """`now` makes pods; `former` looks after those that it made."""

    def __init__(self, now: Driver, former: Driver) -> None:
        self._now = now
        self._former = former

    @property
    def name(self) -> str:
        return self._now.name

    @property
    def layout(self) -> Layout:
        return self._now.layout

    @property
    def controllers(self) -> frozenset[str]:
        return self._now.controllers

    def pod_path(self, qos: str, uid: str) -> str:
        here, there = self._now.pod_path(qos, uid), self._former.pod_path(qos, uid)
        return there if self._former.exists(there) and not self._now.exists(here) else here

    def container_path(self, pod: str, cid: str) -> str:
        return self._of(pod).container_path(pod, cid)

    def pause_path(self, pod: str) -> str:
        return self._of(pod).pause_path(pod)

    def by_systemd(self, path: str) -> bool:
        return self._of(path).by_systemd(path)

    def oci_path(self, path: str) -> str:
        return self._of(path).oci_path(path)

    def annotations(self, path: str, *, description: str) -> Mapping[str, str]:
        return self._of(path).annotations(path, description=description)

    async def open(self) -> None:
        await self._now.open()
        await self._former.close()  # it may have nothing but its root

    async def close(self) -> None:
        await self._former.close()
        await self._now.close()

    async def create_pod(self, path: str, limits: PodLimits, *, description: str) -> None:
        await self._of(path).create_pod(path, limits, description=description)

    async def limit_pod(self, path: str, limits: PodLimits) -> None:
        await self._of(path).limit_pod(path, limits)

    def monitor_place(self, cid: str, *, pod: str, description: str) -> Callable[[int], Awaitable[None]] | None:
        return self._of(pod).monitor_place(cid, pod=pod, description=description)

    async def kill_all(self, path: str) -> None:
        await self._of(path).kill_all(path)

    async def remove(self, path: str) -> None:
        await self._of(path).remove(path)

    async def list_pods(self) -> tuple[PodCgroup, ...]:
        return (*await self._now.list_pods(), *await self._former.list_pods())

    def oom_kills(self, path: str) -> int:
        return self._of(path).oom_kills(path)

    def _of(self, path: str) -> Driver:
        return self._former if self._former.owns(path) else self._now
