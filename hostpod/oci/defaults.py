"""What every container gets unless its pod says otherwise: capabilities, file systems, hidden paths, limits."""

from __future__ import annotations

from dataclasses import replace

from hostpod.oci.values import Json, Mount, Privileges

OCI_VERSION = "1.0.2"

# CRI-O's nine.
CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_KILL",
)

MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)

READ_ONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

PROC = Mount(source="proc", destination="/proc", type="proc", options=("nosuid", "noexec", "nodev"))

# Parents before children; a volume on /sys/fs or /dev/shm comes after all of these.
MOUNTS = (
    PROC,
    Mount(
        source="tmpfs",
        destination="/dev",
        type="tmpfs",
        options=("nosuid", "strictatime", "mode=755", "size=65536k"),
    ),
    Mount(
        source="devpts",
        destination="/dev/pts",
        type="devpts",
        options=("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
    ),
    Mount(source="mqueue", destination="/dev/mqueue", type="mqueue", options=("nosuid", "noexec", "nodev")),
    Mount(source="sysfs", destination="/sys", type="sysfs", options=("nosuid", "noexec", "nodev", "ro")),
    Mount(
        source="cgroup",
        destination="/sys/fs/cgroup",
        type="cgroup",
        options=("nosuid", "noexec", "nodev", "relatime", "ro"),
    ),
)


def standard_mounts(*, writable: bool) -> tuple[Mount, ...]:
    """MOUNTS; with those that are read-only `writable` for who is privileged."""
    if not writable:
        return MOUNTS
    return tuple(replace(mount, options=tuple(each for each in mount.options if each != "ro")) for mount in MOUNTS)


# systemd's defaults for a service: programs that use select() break above 1024, those that want more may take it.
OPEN_FILES_SOFT = 1024
OPEN_FILES_HARD = 524_288


def rlimits(privileges: Privileges) -> list[Json]:
    """The rlimits of a container, within what can be set."""
    hard = privileges.allowed_limit("RLIMIT_NOFILE", OPEN_FILES_HARD)
    return [{"type": "RLIMIT_NOFILE", "hard": hard, "soft": min(OPEN_FILES_SOFT, hard)}]
