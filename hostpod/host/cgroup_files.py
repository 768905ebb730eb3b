"""Typed access to the control files of one cgroup, by cgroupspy's file interfaces.

cgroupspy's own Tree walks every cgroup of the host; its controllers only need a node with a path, so this hands them
one. It knows v1; the files of v2 are declared here in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

from cgroupspy.controllers import Controller, CpuController, MemoryController
from cgroupspy.interfaces import BaseFileInterface, DictFile, IntegerFile, ListFile, MultiLineIntegerFile

# Both kernels' and runc's default; quotas are given for it.
CPU_PERIOD_US = 100_000


class Place:
    """A cgroup directory as cgroupspy's controllers want it."""

    def __init__(self, directory: Path) -> None:
        self.full_path = bytes(directory)


class _PidsV1(Controller):  # type: ignore[misc]
    max = IntegerFile("pids.max")


class _V2(Controller):  # type: ignore[misc]
    available = ListFile("cgroup.controllers")
    handed_down = ListFile("cgroup.subtree_control")
    hand_down = BaseFileInterface("cgroup.subtree_control")
    kill = IntegerFile("cgroup.kill", writeonly=True)
    cpu_weight = IntegerFile("cpu.weight")
    cpu_max = BaseFileInterface("cpu.max")
    memory_max = IntegerFile("memory.max")
    memory_events = DictFile("memory.events", readonly=True)
    pids_max = IntegerFile("pids.max")


class Limits(Protocol):
    """What is set on a cgroup, whatever the version of its files. A path is from the hierarchy's root.

    What the host has no controller for cannot be limited, and is left out.
    """

    @property
    def controllers(self) -> frozenset[str]:
        """Those that the host has."""

    def make(self, path: str) -> None:
        """Make the directory wherever limits are set. Raises FileNotFoundError when its parent does not exist."""

    def set_shares(self, path: str, shares: int) -> None:
        """Weight against siblings, in v1's unit: 1024 is one core's worth."""

    def set_quota(self, path: str, quota_us: int) -> None:
        """CPU time in each 100 ms."""

    def set_memory(self, path: str, limit_bytes: int) -> None:
        """Most memory."""

    def set_pids(self, path: str, limit: int) -> None:
        """Most processes and threads."""

    def hold_huge_pages(self, path: str) -> None:
        """Have the controller of huge pages in a cgroup, which is there already, and in those above."""

    def set_huge_pages(self, path: str, size: str, limit_bytes: int) -> None:
        """Most octets in huge pages of a size (2MB)."""

    def oom_kills(self, path: str) -> int:
        """Processes of this cgroup that the kernel killed for memory, on v2 also of those below."""

    def kill(self, path: str) -> bool:
        """Have the kernel kill every process in the cgroup and below; false where it cannot do that in one go."""


class LimitsV1:
    """A hierarchy for each controller."""

    def __init__(self, controllers: Mapping[str, Path]) -> None:
        self._controllers = controllers

    @property
    def controllers(self) -> frozenset[str]:
        return frozenset(self._controllers)

    def make(self, path: str) -> None:
        # runc makes the others (devices, freezer …) when a container needs them.
        for base in {self._controllers[name] for name in ("cpu", "memory", "pids") if name in self._controllers}:
            below(base, path).mkdir(exist_ok=True)

    def set_shares(self, path: str, shares: int) -> None:
        if place := self._place("cpu", path):
            CpuController(place).shares = shares

    def set_quota(self, path: str, quota_us: int) -> None:
        if place := self._place("cpu", path):
            CpuController(place).cfs_quota_us = quota_us

    def set_memory(self, path: str, limit_bytes: int) -> None:
        if place := self._place("memory", path):
            MemoryController(place).limit_in_bytes = limit_bytes

    def set_pids(self, path: str, limit: int) -> None:
        if place := self._place("pids", path):
            _PidsV1(place).max = limit

    def hold_huge_pages(self, path: str) -> None:
        if base := self._controllers.get("hugetlb"):
            below(base, path).mkdir(parents=True, exist_ok=True)

    def set_huge_pages(self, path: str, size: str, limit_bytes: int) -> None:
        if base := self._controllers.get("hugetlb"):
            (below(base, path) / f"hugetlb.{size}.limit_in_bytes").write_text(str(limit_bytes))

    def oom_kills(self, path: str) -> int:
        place = self._place("memory", path)
        # `oom_kill 1` among the lines of memory.oom_control, since Linux 4.13.
        return int(MemoryController(place).oom_control.get("oom_kill", 0)) if place else 0

    def kill(self, path: str) -> bool:  # noqa: ARG002 - v1 has no such file
        return False

    def _place(self, controller: str, path: str) -> Place | None:
        base = self._controllers.get(controller)
        return Place(below(base, path)) if base else None


class LimitsV2:
    """One hierarchy. A controller works in a cgroup only when every one above hands it down."""

    def __init__(self, unified: Path) -> None:
        self._unified = unified

    @cached_property
    def controllers(self) -> frozenset[str]:
        return frozenset(self._files("/").available)

    def make(self, path: str) -> None:
        below(self._unified, path).mkdir(exist_ok=True)
        self.hand_down(path)

    def hand_down(self, path: str) -> None:
        """Let the children of a cgroup have every controller that it has itself."""
        files = self._files(path)
        missing = set(files.available) - set(files.handed_down)
        if missing:
            files.hand_down = " ".join(f"+{name}" for name in sorted(missing))

    def set_shares(self, path: str, shares: int) -> None:
        if "cpu" in self.controllers:
            self._files(path).cpu_weight = weight_of_shares(shares)

    def set_quota(self, path: str, quota_us: int) -> None:
        if "cpu" in self.controllers:
            self._files(path).cpu_max = f"{quota_us} {CPU_PERIOD_US}"

    def set_memory(self, path: str, limit_bytes: int) -> None:
        if "memory" in self.controllers:
            self._files(path).memory_max = limit_bytes

    def set_pids(self, path: str, limit: int) -> None:
        if "pids" in self.controllers:
            self._files(path).pids_max = limit

    def hold_huge_pages(self, path: str) -> None:
        if "hugetlb" in self.controllers:  # systemd knows nothing of it, and hands on what it has not taken away
            parts = path.strip("/").split("/")
            for depth in range(len(parts)):
                self._files("/".join(parts[:depth])).hand_down = "+hugetlb"

    def set_huge_pages(self, path: str, size: str, limit_bytes: int) -> None:
        if "hugetlb" in self.controllers:
            (below(self._unified, path) / f"hugetlb.{size}.max").write_text(str(limit_bytes))

    def oom_kills(self, path: str) -> int:
        return int(self._files(path).memory_events.get("oom_kill", 0))

    def kill(self, path: str) -> bool:
        try:
            self._files(path).kill = 1
        except FileNotFoundError:  # the cgroup is gone, or the kernel is older than 5.14
            return False
        return True

    def _files(self, path: str) -> _V2:
        return _V2(Place(below(self._unified, path)))


def pids_of(directory: Path) -> list[int]:
    """The processes in just this cgroup."""
    return list(_Procs(Place(directory)).procs)


class _Procs(Controller):  # type: ignore[misc]
    procs = MultiLineIntegerFile("cgroup.procs", readonly=True)


def weight_of_shares(shares: int) -> int:
    """v1's cpu.shares (2…262144) as v2's cpu.weight (1…10000), by runc's formula."""
    return 1 + (max(2, min(shares, 262144)) - 2) * 9999 // 262142


def below(hierarchy: Path, path: str) -> Path:
    """The directory of a cgroup in one hierarchy."""
    return hierarchy / path.lstrip("/")
