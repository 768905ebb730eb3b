"""What this host has for pods: all but what is reserved, and but the memory that must be left."""

from __future__ import annotations

from hostpod.config import Config
from hostpod.host.privileges import Privileges
from hostpod.plan.admission import Room


def room_of(config: Config, privileges: Privileges) -> Room:
    """What admission counts with."""
    memory_bytes = privileges.memory_bytes
    left_bytes = config.reserved.memory.value + config.eviction.memory_available.of(memory_bytes)
    return Room(
        pods=config.max_pods,
        cpu_milli=max(0, privileges.cpus * 1000 - config.reserved.cpu.milli),
        memory_bytes=max(0, memory_bytes - left_bytes),
        unsafe_sysctls=config.security.allowed_unsafe_sysctls,
        apparmor=privileges.apparmor,
        selinux=privileges.selinux,
    )
