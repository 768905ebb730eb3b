"""What this host has for pods: all but what is reserved, and but the memory and disk that must be left."""

from __future__ import annotations

from collections.abc import Mapping

from hostpod.config import Config
from hostpod.engine.edges import Edges
from hostpod.host.huge_pages import huge_pages
from hostpod.host.left import space_left
from hostpod.host.privileges import Privileges
from hostpod.kube.huge_pages import huge_pages_name
from hostpod.oci import MemoryRule
from hostpod.plan.admission import Room
from hostpod.plan.host_ports import HostPort


def room_now(edges: Edges) -> Room:
    """What admission counts with. Reads what can be another one every time: a few small files."""
    disk = space_left((edges.paths.state,))
    pages = huge_pages() if "hugetlb" in edges.privileges.controllers else {}
    return room_of(edges.config, edges.privileges, disk_bytes=disk[1] if disk else 0, pages=pages)


def room_of(config: Config, privileges: Privileges, *, disk_bytes: int = 0, pages: Mapping[int, int]) -> Room:
    """The same of given readings: all of the disk that pods write to, and octets of huge pages by their size."""
    http = config.http
    own = HostPort(port=http.read_only_port, protocol="TCP", address=http.address)
    memory_bytes = privileges.memory_bytes - sum(pages.values())
    left_bytes = config.reserved.memory.value + config.eviction.memory_available.of(privileges.memory_bytes)
    return Room(
        pods=config.max_pods,
        cpu_milli=max(0, privileges.cpus * 1000 - config.reserved.cpu.milli),
        memory_bytes=max(0, memory_bytes - left_bytes),
        others={
            "ephemeral-storage": disk_bytes - config.eviction.nodefs_available.of(disk_bytes),
            **{huge_pages_name(size): octets for size, octets in pages.items()},
        },
        devices={device.resource: device.count for device in config.devices},
        unsafe_sysctls=config.security.allowed_unsafe_sysctls,
        apparmor=privileges.apparmor,
        selinux=privileges.selinux,
        huge_pages="hugetlb" in privileges.controllers,
        own_ports=(own,) if http.read_only_port else (),
    )


def memory_rule(edges: Edges) -> MemoryRule:
    """How containers are held to memory beside their limits."""
    qos = edges.config.memory_qos
    return MemoryRule(
        throttling_factor=qos.throttling_factor if qos.enabled else None,
        allocatable_bytes=room_now(edges).memory_bytes if qos.enabled else 0,
        limited_swap=edges.config.memory_swap.swap_behavior == "LimitedSwap",
    )
