"""Pods' cgroups made by hostpod itself: by the machine's control files, for hosts without systemd."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from hostpod.host.cgroup import CgroupError, Cgroups, PodCgroup, PodLimits
from hostpod.host.cgroup_seen import SeenCgroups


class FileCgroups(SeenCgroups):
    """The driver `cgroupfs`.

    `in_a_service`: the daemon may be in the cgroup of a service, where systemd ends all that is left in it when the
    service is stopped; so monitors are moved to one of their own. Elsewhere they stay where the daemon is.
    """

    name = "cgroupfs"

    def __init__(self, tree: Cgroups, *, in_a_service: bool = False) -> None:
        super().__init__(tree)
        self._in_a_service = in_a_service

    def pod_path(self, qos: str, uid: str) -> str:
        return self._tree.pod_path(qos, uid)

    def container_path(self, pod: str, cid: str) -> str:
        return f"{pod}/{cid}"

    def pause_path(self, pod: str) -> str:
        return f"{pod}/pause"

    def by_systemd(self, path: str) -> bool:  # noqa: ARG002
        return False

    def oci_path(self, path: str) -> str:
        return path

    def annotations(self, path: str, *, description: str) -> Mapping[str, str]:  # noqa: ARG002 - it has no description
        return {}

    def owns(self, path: str) -> bool:
        """Whether this driver would make a cgroup of this path."""
        return path.startswith(f"{self._tree.root}/")

    async def open(self) -> None:
        self._tree.open()

    async def close(self) -> None:
        self._tree.trim(self._monitors)
        self._tree.close()

    async def create_pod(self, path: str, limits: PodLimits, *, description: str) -> None:  # noqa: ARG002
        self._tree.create_pod(path, limits)

    async def limit_pod(self, path: str, limits: PodLimits) -> None:
        self._tree.limit_pod(path, limits)

    def monitor_place(
        self,
        cid: str,  # noqa: ARG002
        *,
        pod: str,  # noqa: ARG002
        description: str,  # noqa: ARG002
    ) -> Callable[[int], Awaitable[None]] | None:
        """One cgroup for the monitors of all pods, so that what they take is not of what a pod may use."""
        return self._shelter if self._in_a_service else None

    async def _shelter(self, pid: int) -> None:
        try:
            self._tree.shelter(self._monitors, pid)
        except OSError as error:
            raise CgroupError(f"cannot move conmon to {self._monitors}: {(error.strerror or '').lower()}") from error

    @property
    def _monitors(self) -> str:
        return f"{self._tree.root}/monitors"

    async def remove(self, path: str) -> None:
        await asyncio.to_thread(self._tree.remove_pod, path)

    async def list_pods(self) -> tuple[PodCgroup, ...]:
        return self._tree.list_pods()
