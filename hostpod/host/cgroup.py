"""Pod cgroups as files: /ROOT/podUID, /ROOT/burstable/podUID and /ROOT/besteffort/podUID, on cgroup v1 and v2.

A path begins at the hierarchy's root and is the same in every hierarchy; containers lie below their pod's. Looking,
killing and removing work on any path, whoever made the cgroup.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hostpod.host.cgroup_files import Limits, LimitsV1, LimitsV2, below, pids_of
from hostpod.host.cgroup_layout import Layout, cgroup_layout
from hostpod.host.mount import mounts

# Kubernetes' classes of service and their parent below the root.
QOS_PARENTS = {"Guaranteed": "", "Burstable": "burstable", "BestEffort": "besteffort"}

# The kubelet's value: pods without requests get what others leave.
BESTEFFORT_SHARES = 2

# A killed process leaves its cgroup when it has exited, and that is not at once.
REMOVAL_DEADLINE_S = 5.0
_LOOK_AGAIN_S = 0.005
_KILL_ROUNDS = 50


class CgroupError(Exception):
    """A cgroup could not be made, set or removed; the message can be shown as it is."""


class PodLimits(Protocol):
    """Limits of a whole pod; None is no limit. `huge_pages` are octets by size of page (2MB)."""

    @property
    def cpu_shares(self) -> int: ...
    @property
    def cpu_quota_us(self) -> int | None: ...
    @property
    def memory_limit_bytes(self) -> int | None: ...
    @property
    def pids_limit(self) -> int | None: ...
    @property
    def huge_pages(self) -> Mapping[str, int]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class PodCgroup:
    """A pod that has a cgroup in some hierarchy."""

    uid: str
    path: str


class Cgroups:
    """The cgroups below one root name. Every method is quick but `remove_pod` and `kill_all`, which may wait."""

    def __init__(self, root_name: str, layout: Layout) -> None:
        self.root = f"/{root_name}"
        self.layout = layout
        self._limits: Limits = LimitsV1(layout.controllers)
        if layout.version == "v2" and layout.unified:
            self._limits = LimitsV2(layout.unified)

    @classmethod
    def detect(cls, root_name: str) -> Cgroups:
        """With the layout of this host. Raises CgroupError where no hierarchy is mounted."""
        layout = cgroup_layout(mounts())
        if layout is None:
            raise CgroupError("no cgroup hierarchy is mounted on this host")
        return cls(root_name, layout)

    @property
    def controllers(self) -> frozenset[str]:
        """What can be limited on this host: cpu, memory, pids …"""
        return self._limits.controllers

    def open(self) -> None:
        """Make the root and the QoS parents. Safe to repeat."""
        try:
            if isinstance(self._limits, LimitsV2):
                self._limits.hand_down("/")
            for parent in QOS_PARENTS.values():
                self._limits.make(f"{self.root}/{parent}")
            self._limits.set_shares(f"{self.root}/besteffort", BESTEFFORT_SHARES)
        except OSError as error:
            raise CgroupError(f"cannot make cgroup {self.root}: {_reason(error)}") from error

    def close(self) -> None:
        """Remove the QoS parents and the root, unless something is in them."""
        for parent in ("burstable", "besteffort", ""):
            self.trim(f"{self.root}/{parent}")

    def pod_path(self, qos: str, uid: str) -> str:
        """A pod's cgroup: `/hostpod/burstable/podUID`. `qos` is Kubernetes' name of the class."""
        parent = f"/{QOS_PARENTS[qos]}" if QOS_PARENTS[qos] else ""
        return f"{self.root}{parent}/pod{uid}"

    def create_pod(self, path: str, limits: PodLimits) -> None:
        """Make a pod's cgroup with its limits, before anything is in it. Safe to repeat."""
        try:
            try:
                self._limits.make(path)
            except FileNotFoundError:
                self.open()
                self._limits.make(path)
            self._set(path, limits)
        except OSError as error:
            raise CgroupError(f"cannot make cgroup {path}: {_reason(error)}") from error

    def limit_pod(self, path: str, limits: PodLimits) -> None:
        """Give a pod that is there other limits. What had one keeps one: none is taken away."""
        try:
            self._set(path, limits)
        except OSError as error:
            raise CgroupError(f"cannot set the limits of cgroup {path}: {_reason(error)}") from error

    def _set(self, path: str, limits: PodLimits) -> None:
        self._limits.set_shares(path, limits.cpu_shares)
        if limits.cpu_quota_us is not None:
            self._limits.set_quota(path, limits.cpu_quota_us)
        if limits.memory_limit_bytes is not None:
            self._limits.set_memory(path, limits.memory_limit_bytes)
        if limits.pids_limit is not None:
            self._limits.set_pids(path, limits.pids_limit)
        self.limit_huge_pages(path, limits.huge_pages)

    def limit_huge_pages(self, path: str, octets: Mapping[str, int]) -> None:
        """Most huge pages of each size (2MB), also of a cgroup that somebody else made. OSError where it cannot be."""
        if octets:
            self._limits.hold_huge_pages(path)
        for size, limit in octets.items():
            self._limits.set_huge_pages(path, size, limit)

    def remove_pod(self, path: str) -> None:
        """Remove a cgroup and all below it in every hierarchy; nothing when there is none. Kills nothing.

        Waits for processes that are about to be gone, and raises CgroupError when some are not.
        """
        deadline = time.monotonic() + REMOVAL_DEADLINE_S
        for hierarchy in self.layout.hierarchies:
            while not _removed(below(hierarchy, path)):
                if time.monotonic() > deadline:
                    raise CgroupError(f"cannot remove cgroup {path}: processes {list(self.pids(path))} are in it")
                time.sleep(_LOOK_AGAIN_S)

    def wait_until_empty(self, path: str) -> None:
        """Wait for processes that are about to be gone; raises CgroupError when some are not."""
        deadline = time.monotonic() + REMOVAL_DEADLINE_S
        while pids := self.pids(path):
            if time.monotonic() > deadline:
                raise CgroupError(f"cannot remove cgroup {path}: processes {list(pids)} are in it")
            time.sleep(_LOOK_AGAIN_S)

    def exists(self, path: str) -> bool:
        """Whether some hierarchy has it."""
        return any(below(hierarchy, path).is_dir() for hierarchy in self.layout.hierarchies)

    def children(self, path: str) -> tuple[str, ...]:
        """The names of the cgroups right below one, in all hierarchies."""
        found = (child.name for hierarchy in self.layout.hierarchies for child in _children(below(hierarchy, path)))
        return tuple(dict.fromkeys(found))

    def shelter(self, path: str, pid: int) -> None:
        """Move a process to a cgroup, which is made, where systemd looks for the processes of its units."""
        for hierarchy in filter(None, (self.layout.unified, self.layout.controllers.get("name=systemd"))):
            directory = below(hierarchy, path)
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "cgroup.procs").write_text(str(pid))

    def trim(self, path: str) -> None:
        """Remove a cgroup wherever nothing is in it; what is below it stays."""
        for hierarchy in self.layout.hierarchies:
            with suppress(OSError):
                below(hierarchy, path).rmdir()

    def pids(self, path: str) -> tuple[int, ...]:
        """Every process in a cgroup and below."""
        found: dict[int, None] = {}
        for hierarchy in self.layout.hierarchies:
            for directory in _deepest_first(below(hierarchy, path)):
                with _may_be_gone():
                    found.update(dict.fromkeys(pids_of(directory)))
        return tuple(found)

    def kill_all(self, path: str) -> None:
        """SIGKILL to every process in a cgroup and below. They are gone a moment after this returns."""
        if self._limits.kill(path):
            return
        # Without cgroup.kill a process may fork while its cgroup is read: look again until a round finds none alive.
        for _ in range(_KILL_ROUNDS):
            alive = [pid for pid in self.pids(path) if _killed(pid)]
            if not alive:
                return
            time.sleep(_LOOK_AGAIN_S)

    def list_pods(self) -> tuple[PodCgroup, ...]:
        """Every pod that has a cgroup in some hierarchy."""
        found: dict[str, PodCgroup] = {}
        for hierarchy in self.layout.hierarchies:
            for qos, parent in QOS_PARENTS.items():
                for directory in _children(below(hierarchy, f"{self.root}/{parent}")):
                    uid = directory.name.removeprefix("pod")
                    if uid != directory.name:
                        found[uid] = PodCgroup(uid=uid, path=self.pod_path(qos, uid))
        return tuple(found.values())

    def oom_kills(self, path: str) -> int:
        """How many processes of a cgroup the kernel killed for memory, on v2 also of those below; 0 when it is gone."""
        with _may_be_gone():
            return self._limits.oom_kills(path)
        return 0


@contextmanager
def _may_be_gone() -> Iterator[None]:
    """Reading a file of a cgroup that is just being removed: ENOENT before its file is open, ENODEV afterwards."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOENT, errno.ENODEV, errno.ESRCH}:
            raise


def _removed(directory: Path) -> bool:
    """Remove a cgroup, deepest first; false when a process is in it still."""
    for each in _deepest_first(directory):
        try:
            each.rmdir()
        except FileNotFoundError:
            continue
        except OSError:  # EBUSY: a process, or a child that was made meanwhile
            return False
    return True


def _deepest_first(directory: Path) -> Iterator[Path]:
    if directory.is_dir():
        for child in _children(directory):
            yield from _deepest_first(child)
        yield directory


def _children(directory: Path) -> list[Path]:
    try:
        with os.scandir(directory) as entries:
            return [directory / entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def _killed(pid: int) -> bool:
    """Kill a process; false when it was gone or nothing but its zombie is left."""
    try:
        os.kill(pid, signal.SIGKILL)
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except (ProcessLookupError, FileNotFoundError):
        return False


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
