"""Pods' cgroups made by hostpod itself, on hosts without systemd: the machine's control files, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from hostpod.host.cgroup import Cgroups, PodCgroup, PodLimits
from hostpod.host.cgroup_layout import Layout


class FileCgroups:
    """The driver `cgroupfs`. A monitor stays where the daemon is."""

    name = "cgroupfs"

    def __init__(self, tree: Cgroups) -> None:
        self._tree = tree

    @property
    def layout(self) -> Layout:
        return self._tree.layout

    @property
    def controllers(self) -> frozenset[str]:
        return self._tree.controllers

    def pod_path(self, qos: str, uid: str) -> str:
        return self._tree.pod_path(qos, uid)

    def container_path(self, pod: str, cid: str) -> str:
        return f"{pod}/{cid}"

    def pause_path(self, pod: str) -> str:
        return f"{pod}/pause"

    def oci_path(self, path: str) -> str:
        return path

    def annotations(self, description: str) -> Mapping[str, str]:  # noqa: ARG002 - a cgroup has no description
        return {}

    async def open(self) -> None:
        self._tree.open()

    async def close(self) -> None:
        self._tree.close()

    async def create_pod(self, path: str, limits: PodLimits, *, description: str, monitors: int) -> None:  # noqa: ARG002
        self._tree.create_pod(path, limits)

    def monitor_place(self, cid: str, *, pod: str, description: str) -> None:  # noqa: ARG002
        return None

    async def kill_all(self, path: str) -> None:
        await asyncio.to_thread(self._tree.kill_all, path)

    async def remove(self, path: str) -> None:
        await asyncio.to_thread(self._tree.remove_pod, path)

    async def list_pods(self) -> tuple[PodCgroup, ...]:
        return self._tree.list_pods()

    def oom_kills(self, path: str) -> int:
        return self._tree.oom_kills(path)
