"""What this process may do, found out once at start: a spec that asks for more is clamped, or runc dies of it."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hostpod.host import apparmor, selinux
from hostpod.host.huge_pages import huge_pages
from hostpod.host.machine_text import keyed_kib

_CAP_SYS_RESOURCE = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Privileges:
    """`may_raise_limits` is CAP_SYS_RESOURCE: without it oom_score_adj cannot go below this process's own, and no
    rlimit above its hard limit. `controllers` are those of cgroups; `memory_bytes`, `swap_bytes`, `cpus` and
    `huge_page_sizes` (of pages that are set aside) are what the host has, `machine` is its kind (uname -m);
    `capability_mask` has a bit for each capability that can be given. `apparmor` and `selinux` are whether its kernel
    confines processes so."""

    may_raise_limits: bool = True
    oom_score_adj: int = 0
    hard_limits: Mapping[str, int] = field(default_factory=dict)
    cgroup_v2: bool = False
    controllers: frozenset[str] = frozenset({"cpu", "memory", "pids"})
    memory_bytes: int = 0
    swap_bytes: int = 0
    huge_page_sizes: frozenset[int] = frozenset()
    cpus: int = 1
    machine: str = "x86_64"
    capability_mask: int = (1 << 41) - 1
    apparmor: bool = False
    selinux: bool = False

    def allowed_oom_score_adj(self, wanted: int) -> int:
        """The wanted value, or the nearest that the kernel lets this process set."""
        return wanted if self.may_raise_limits else max(wanted, self.oom_score_adj)

    def allowed_limit(self, name: str, wanted: int) -> int:
        """The wanted rlimit (RLIMIT_…), or the hard limit where that is lower and binding."""
        if self.may_raise_limits:
            return wanted
        return min(wanted, self.hard_limits.get(name, wanted))


def find_privileges(
    *,
    cgroup_v2: bool,
    controllers: frozenset[str] = frozenset(),
    proc: Path = Path("/proc/self"),
    sys: Path = Path("/sys"),
) -> Privileges:
    """What the kernel says of this process."""
    status = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
    return Privileges(
        may_raise_limits=bool(int(status["CapEff"], 16) >> _CAP_SYS_RESOURCE & 1),
        oom_score_adj=int((proc / "oom_score_adj").read_text()),
        hard_limits={name: _hard(name) for name in ("RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_CORE", "RLIMIT_MEMLOCK")},
        cgroup_v2=cgroup_v2,
        controllers=controllers,
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        swap_bytes=swap_bytes(),
        huge_page_sizes=frozenset(size for size, held in huge_pages().items() if held),
        cpus=os.cpu_count() or 1,
        machine=os.uname().machine,
        capability_mask=int(status["CapBnd"], 16) & int(status["CapPrm"], 16),
        apparmor=apparmor.is_enabled(sys),
        selinux=selinux.is_enabled(sys),
    )


def allow_many_descriptors() -> None:
    """Open as many files as the hard limit allows: a container takes two descriptors, and 1024 is the usual limit.

    Containers have limits of their own, by their spec.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _hard(name: str) -> int:
    hard = resource.getrlimit(getattr(resource, name))[1]
    return (1 << 64) - 1 if hard == resource.RLIM_INFINITY else hard


def swap_bytes(proc: Path = Path("/proc")) -> int:
    """All swap that the host has now; none where the kernel was started without counting who uses it."""
    if "swapaccount=0" in (proc / "cmdline").read_text().split():
        return 0
    return keyed_kib((proc / "meminfo").read_text()).get("SwapTotal", 0)
