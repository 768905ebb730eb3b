"""How much is left on this host of what it may run short of, and of how much. Each is (available, capacity)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from hostpod.host.machine_text import keyed_kib

Left = tuple[int, int]


def memory_left(proc: Path = Path("/proc")) -> Left:
    """Bytes. MemAvailable is the kernel's own estimate of what can be had without swapping (since Linux 3.14)."""
    memory = keyed_kib((proc / "meminfo").read_text())
    return memory["MemAvailable"], memory["MemTotal"]


def processes_left(proc: Path = Path("/proc")) -> Left:
    """Processes and threads that can still be made: both sysctls bound them."""
    most = min(int((proc / "sys/kernel" / name).read_text()) for name in ("pid_max", "threads-max"))
    _, _, all_of_them = (proc / "loadavg").read_text().split()[3].partition("/")
    return max(0, most - int(all_of_them)), most


def space_left(paths: Iterable[Path]) -> Left | None:
    """Bytes on the file system of these that has least of its own left, for those who are not root."""
    sizes = [(each.f_bavail * each.f_frsize, each.f_blocks * each.f_frsize) for each in _stats(paths)]
    return min(sizes, key=_share, default=None)


def inodes_left(paths: Iterable[Path]) -> Left | None:
    """Inodes, in the same way; None where file systems do not count them."""
    counted = [(each.f_favail, each.f_files) for each in _stats(paths) if each.f_files]
    return min(counted, key=_share, default=None)


def _stats(paths: Iterable[Path]) -> list[os.statvfs_result]:
    found = []
    for path in paths:
        with suppress(FileNotFoundError):  # somebody removed it; what needs it says so
            found.append(os.statvfs(path))
    return found


def _share(left: Left) -> float:
    return left[0] / max(left[1], 1)


def on_one_file_system(one: Path, other: Path) -> bool:
    """Whether what is freed at one place is free at the other."""
    return one.stat().st_dev == other.stat().st_dev
