"""What machine this is, in the shape of cAdvisor's MachineInfo. Read when asked, not before."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hostpod.host import clock
from hostpod.host.machine_text import (
    cache_bytes,
    chosen,
    counted_file_systems,
    cpu_field,
    cpu_frequency_khz,
    is_real_disk,
    is_real_link,
    keyed_kib,
    number_list,
)
from hostpod.host.mountinfo import parse_mountinfo

JsonObject = dict[str, Any]


def machine_info(root: Path = Path("/")) -> JsonObject:
    """MachineInfo as the kubelet's /spec prints it; what the machine does not tell is 0, empty or `Unknown`."""
    cpuinfo, memory = _text(root / "proc/cpuinfo"), keyed_kib(_text(root / "proc/meminfo"))
    cpus = _cpus(root)
    return {
        "timestamp": datetime.fromtimestamp(clock.now(), tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "vendor_id": next(iter(cpu_field(cpuinfo, "vendor_id")), ""),
        "num_cores": len(cpus) or len(cpu_field(cpuinfo, "processor")),
        "num_physical_cores": len({(cpu["socket"], cpu["core"]) for cpu in cpus}),
        "num_sockets": len({cpu["socket"] for cpu in cpus}),
        "cpu_frequency_khz": cpu_frequency_khz(cpuinfo, [cpu["max_khz"] for cpu in cpus]),
        "memory_capacity": memory.get("MemTotal", 0),
        "swap_capacity": memory.get("SwapTotal", 0),
        "memory_by_type": {},
        "nvm": {"memory_mode_capacity": 0, "app direct_mode_capacity": 0, "avg_power_budget": 0},
        "hugepages": _huge_pages(root / "sys/kernel/mm/hugepages"),
        **_identity(root),
        "filesystems": _file_systems(root),
        "disk_map": _disks(root),
        "network_devices": _links(root),
        "topology": _topology(root, cpus, memory.get("MemTotal", 0)),
        "cloud_provider": "Unknown",
        "instance_type": "Unknown",
        "instance_id": "None",
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:  # sysfs shows what the hardware has; a file that is absent or refuses is a fact not known
        return ""


def _children(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def _identity(root: Path) -> JsonObject:
    machine_id = _text(root / "etc/machine-id").strip()
    return {
        "machine_id": machine_id,
        "system_uuid": _text(root / "sys/class/dmi/id/product_uuid").strip() or machine_id,
        "boot_id": _text(root / "proc/sys/kernel/random/boot_id").strip(),
    }


def _huge_pages(directory: Path) -> list[JsonObject]:
    return [
        {
            "page_size": int(path.name.removeprefix("hugepages-").removesuffix("kB")),
            "num_pages": int(_text(path / "nr_hugepages") or 0),
        }
        for path in _children(directory)
    ]


def _cpus(root: Path) -> list[JsonObject]:
    base = root / "sys/devices/system/cpu"
    return [
        {
            "cpu": number,
            "core": int(_text(base / f"cpu{number}/topology/core_id") or number),
            "socket": int(_text(base / f"cpu{number}/topology/physical_package_id") or 0),
            "max_khz": _text(base / f"cpu{number}/cpufreq/cpuinfo_max_freq"),
            "caches": _caches(base / f"cpu{number}/cache"),
        }
        for number in number_list(_text(base / "online"))
    ]


def _caches(directory: Path) -> list[JsonObject]:
    return [
        {
            "id": int(_text(path / "id") or 0),
            "size": cache_bytes(_text(path / "size")),
            "type": _text(path / "type").strip(),
            "level": int(_text(path / "level") or 0),
        }
        for path in _children(directory)
        if path.name.startswith("index")
    ]


def _topology(root: Path, cpus: list[JsonObject], memory_bytes: int) -> list[JsonObject]:
    """NUMA nodes with their cores; one node that has everything where the kernel knows no NUMA."""
    nodes = [path for path in _children(root / "sys/devices/system/node") if path.name[4:].isdigit()]
    if not nodes:
        return [_node(0, cpus, memory_bytes, [], [])]
    shown = []
    for path in nodes:
        members = set(number_list(_text(path / "cpulist")))
        shown.append(
            _node(
                int(path.name[4:]),
                [cpu for cpu in cpus if cpu["cpu"] in members],
                keyed_kib(_text(path / "meminfo")).get("MemTotal", memory_bytes),
                _huge_pages(path / "hugepages"),
                [int(distance) for distance in _text(path / "distance").split()],
            )
        )
    return shown


def _node(
    number: int, cpus: list[JsonObject], memory_bytes: int, huge_pages: list[JsonObject], distances: list[int]
) -> JsonObject:
    cores: dict[tuple[int, int], JsonObject] = {}
    for cpu in cpus:
        core = cores.setdefault(
            (cpu["socket"], cpu["core"]),
            {
                "core_id": cpu["core"],
                "thread_ids": [],
                "caches": [cache for cache in cpu["caches"] if cache["level"] < 3],
                "uncore_caches": [cache for cache in cpu["caches"] if cache["level"] >= 3],
                "socket_id": cpu["socket"],
            },
        )
        core["thread_ids"].append(cpu["cpu"])
    return {
        "node_id": number,
        "memory": memory_bytes,
        "hugepages": huge_pages,
        "distances": distances,
        "cores": list(cores.values()),
        "caches": None,
    }


def _file_systems(root: Path) -> list[JsonObject]:
    shown = []
    for device, place in counted_file_systems(parse_mountinfo(_text(root / "proc/self/mountinfo"))):
        try:
            size = os.statvfs(root / place.lstrip("/"))
        except OSError:  # another mount hides it, or it went away meanwhile
            continue
        shown.append(
            {
                "device": device,
                "capacity": size.f_blocks * size.f_frsize,
                "type": "vfs",
                "inodes": size.f_files,
                "has_inodes": size.f_files > 0,
            }
        )
    return shown


def _disks(root: Path) -> JsonObject:
    disks = {}
    for path in _children(root / "sys/block"):
        number = _text(path / "dev").strip()
        if not number or not is_real_disk(path.name):
            continue
        major, _, minor = number.partition(":")
        disks[number] = {
            "name": path.name,
            "major": int(major),
            "minor": int(minor),
            "size": int(_text(path / "size") or 0) * 512,
            "scheduler": chosen(_text(path / "queue/scheduler")),
        }
    return disks


def _links(root: Path) -> list[JsonObject]:
    return [
        {
            "name": path.name,
            "mac_address": _text(path / "address").strip(),
            "speed": int(_text(path / "speed") or 0),
            "mtu": int(_text(path / "mtu") or 0),
        }
        for path in _children(root / "sys/class/net")
        if is_real_link(path.name) and path.is_dir()
    ]
