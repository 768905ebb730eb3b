"""Who makes pods' cgroups, as the engine sees it: hostpod itself (`cgroupfs`) or systemd."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from hostpod.host.cgroup import PodCgroup, PodLimits
from hostpod.host.cgroup_layout import Layout


class CgroupDriver(Protocol):
    """A path is that of a cgroup from the hierarchy's root, the same in every hierarchy.

    What waits raises CgroupError.
    """

    @property
    def name(self) -> str:
        """As in the settings."""

    @property
    def layout(self) -> Layout: ...

    @property
    def controllers(self) -> frozenset[str]:
        """What can be limited on this host: cpu, memory, pids …"""

    def pod_path(self, qos: str, uid: str) -> str:
        """A pod's cgroup. `qos` is Kubernetes' name of its class of service."""

    def container_path(self, pod: str, cid: str) -> str:
        """A container's cgroup, below its pod's."""

    def pause_path(self, pod: str) -> str:
        """The cgroup of a pod's pause process."""

    def by_systemd(self, path: str) -> bool:
        """Whether runc has systemd make a container's cgroup; else it makes that itself."""

    def oci_path(self, path: str) -> str:
        """How runc is told of a container's cgroup."""

    def annotations(self, path: str, *, description: str) -> Mapping[str, str]:
        """What a container's spec says so that people see what its cgroup is."""

    async def open(self) -> None:
        """Make what pods' cgroups are in. Safe to repeat."""

    async def close(self) -> None:
        """Remove that again, unless something is in it."""

    async def create_pod(self, path: str, limits: PodLimits, *, description: str) -> None:
        """Make a pod's cgroup with its limits, before anything is in it. Safe to repeat."""

    async def limit_pod(self, path: str, limits: PodLimits) -> None:
        """Give a pod that is there other limits. What had one keeps one: none is taken away."""

    def monitor_place(self, cid: str, *, pod: str, description: str) -> Callable[[int], Awaitable[None]] | None:
        """What puts a container's conmon, which has not forked yet, where it outlives the daemon; None: it stays."""

    async def kill_all(self, path: str) -> None:
        """SIGKILL to every process in a cgroup and below. They are gone a moment after this returns."""

    async def remove(self, path: str) -> None:
        """Remove a cgroup and all below it; nothing when there is none. Kills nothing, waits for what is ending."""

    async def list_pods(self) -> tuple[PodCgroup, ...]:
        """Every pod that has a cgroup."""

    def oom_kills(self, path: str) -> int:
        """How many processes of a cgroup the kernel killed for memory, on v2 also of those below; 0 when it is gone."""
