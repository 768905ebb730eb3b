"""How pods are called as units of systemd, and what is set on them. Pure.

ROOT.slice → ROOT-burstable.slice, ROOT-besteffort.slice → ROOT-…-podUID.slice → a scope a container; and beside the
classes ROOT-monitors.slice → a scope a conmon. systemd nests a slice by the dashes of its name, so a dash of a uid
becomes an underscore, as the kubelet writes it; and an underscore, which uids hardly have, the escape that systemd has
for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hostpod.host.cgroup import PodLimits
from hostpod.host.cgroup_files import weight_of_shares

# A unit's properties as D-Bus takes them: name to signature and value.
Properties = Mapping[str, tuple[str, object]]

INFINITY = (1 << 64) - 1
QOS_INFIXES = {"Guaranteed": "", "Burstable": "-burstable", "BestEffort": "-besteffort"}

# systemd rounds a quota to whole percents of a core; a pod's must not end up below that of its container.
_PERCENT_OF_CORE_US = 10_000
_PERIODS_PER_S = 10


def is_slice_name(root: str) -> bool:
    """Whether systemd takes ROOT.slice: no dash at an end, no two in a row."""
    return all(root.split("-"))


def root_refusal(root: str) -> str | None:
    """Why ROOT.slice cannot be the root of pods' slices, after the words "cgroups.root"; None where it can."""
    if not is_slice_name(root):
        return "must have no dash at its end or after another"
    for name in (f"{root}.slice", *parents(f"{root}.slice")):
        above = name.removesuffix(".slice").rpartition("-")[0]
        if above and _is_own(above, name):
            return f'must be another name: hostpod with cgroups.root "{above}" takes {name} for a slice of its own'
    return None


def _is_own(root: str, name: str) -> bool:
    classes = {qos_slice(root, qos) for qos in ("Burstable", "BestEffort")}
    return name in {*classes, monitors_slice(root)} or pod_of(root, name) is not None


def qos_slice(root: str, qos: str) -> str:
    """The slice that pods of a class of service are in."""
    return f"{root}{QOS_INFIXES[qos]}.slice"


def monitors_slice(root: str) -> str:
    """The slice that the conmons of all pods are in."""
    return f"{root}-monitors.slice"


def pod_slice(root: str, qos: str, uid: str) -> str:
    """A pod's slice."""
    return f"{root}{QOS_INFIXES[qos]}-pod{_escaped(uid)}.slice"


def pod_of(root: str, name: str) -> str | None:
    """What stands for the uid in the name of a pod's slice; None for any other unit."""
    classes = "|".join(QOS_INFIXES.values())
    found = re.fullmatch(rf"{re.escape(root)}(?:{classes})-pod([^-]+)\.slice", name)
    return found[1] if found else None


def slice_path(name: str) -> str:
    """Where systemd puts a slice: `a-b.slice` at /a.slice/a-b.slice."""
    parts = name.removesuffix(".slice").split("-")
    return "".join(f"/{'-'.join(parts[: n + 1])}.slice" for n in range(len(parts)))


def parents(name: str) -> tuple[str, ...]:
    """The slices above one, nearest first."""
    return tuple(reversed(slice_path(name).split("/")[1:-1]))


def unit_of(path: str) -> str:
    """The unit whose cgroup this is."""
    return path.rpartition("/")[2]


def _escaped(uid: str) -> str:
    return uid.replace("_", r"\x5f").replace("-", "_")


def described(description: str) -> dict[str, tuple[str, object]]:
    """What every slice has: a line for people, and counters of all that can be counted."""
    counted = ("CPUAccounting", "MemoryAccounting", "TasksAccounting", "IOAccounting")
    # Without the default dependencies, as with runc's scopes: at the host's shutdown hostpod ends pods in order, and
    # systemd does not stop all of them at once before.
    return {"Description": ("s", description), "DefaultDependencies": ("b", False)} | dict.fromkeys(
        counted, ("b", True)
    )


def shares_property(shares: int, *, v2: bool) -> dict[str, tuple[str, object]]:
    """Weight against siblings, from v1's unit."""
    return {"CPUWeight": ("t", weight_of_shares(shares))} if v2 else {"CPUShares": ("t", shares)}


def limit_properties(limits: PodLimits, *, v2: bool) -> dict[str, tuple[str, object]]:
    """A pod's limits for the hierarchy that the kernel enforces."""
    quota, memory, tasks = limits.cpu_quota_us, limits.memory_limit_bytes, limits.pids_limit
    return {
        **shares_property(limits.cpu_shares, v2=v2),
        "CPUQuotaPerSecUSec": ("t", INFINITY if quota is None else _rounded(quota * _PERIODS_PER_S)),
        "MemoryMax" if v2 else "MemoryLimit": ("t", INFINITY if memory is None else memory),
        "TasksMax": ("t", INFINITY if tasks is None else tasks),
    }


def _rounded(quota_us: int) -> int:
    return -(-quota_us // _PERCENT_OF_CORE_US) * _PERCENT_OF_CORE_US


def scope_annotations(description: str) -> dict[str, str]:
    """Properties that runc hands on to a container's scope, as GVariant text.

    systemd's own limit of tasks is a share of the host's, and meant for services; a pod has its own. A scope that
    failed (killed for memory, say) would stay loaded.
    """
    quoted = description.replace("\\", "\\\\").replace("'", "\\'")
    return {
        "org.systemd.property.Description": f"'{quoted}'",
        "org.systemd.property.CollectMode": "'inactive-or-failed'",
        "org.systemd.property.TasksMax": f"uint64 {INFINITY}",
    }


def monitor_properties(pid: int, *, slice_name: str, description: str) -> dict[str, tuple[str, object]]:
    """The scope of a conmon that is there already."""
    return {
        "Description": ("s", description),
        "PIDs": ("au", [pid]),
        "Slice": ("s", slice_name),
        "CollectMode": ("s", "inactive-or-failed"),
        "DefaultDependencies": ("b", False),
    }
