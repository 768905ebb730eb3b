"""What a cgroup or a directory has now. Read when the host is short of it, and not before."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hostpod.host.cgroup_files import below
from hostpod.host.cgroup_layout import Layout
from hostpod.host.walk import walk

_BLOCK_BYTES = 512  # the unit of st_blocks, whatever the file system's is


def working_set_bytes(layout: Layout, path: str) -> int:
    """Memory that the kernel cannot just take back, as the kubelet counts it: all but inactive file cache."""
    base = layout.of("memory")
    if base is None:
        return 0
    current, inactive = ("memory.current", "inactive_file")
    if layout.version != "v2":
        current, inactive = ("memory.usage_in_bytes", "total_inactive_file")
    directory = below(base, path)
    statistics = dict(line.split(" ", 1) for line in _text(directory / "memory.stat").splitlines())
    return max(0, int(_text(directory / current) or 0) - int(statistics.get(inactive, 0)))


def process_count(layout: Layout, path: str) -> int:
    """Processes and threads in a cgroup and below."""
    base = layout.of("pids")
    return int(_text(below(base, path) / "pids.current") or 0) if base else 0


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:  # it is just being removed, or the host has no such controller here
        if error.errno in {errno.ENOENT, errno.ENODEV}:
            return ""
        raise


@dataclass(frozen=True, kw_only=True, slots=True)
class DiskUsage:
    """What files take of a file system."""

    used_bytes: int = 0
    inodes: int = 0

    def __add__(self, other: DiskUsage) -> DiskUsage:
        return DiskUsage(used_bytes=self.used_bytes + other.used_bytes, inodes=self.inodes + other.inodes)


def disk_usage(tops: Iterable[Path]) -> DiskUsage:
    """Of everything below these, without what is mounted there and without following links."""
    return sum((_below(top) for top in tops), DiskUsage())


def _below(top: Path) -> DiskUsage:
    used_bytes = inodes = 0
    try:
        directory = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return DiskUsage()
    try:
        for found in walk(directory, one_device=True):
            used_bytes += found.status.st_blocks * _BLOCK_BYTES
            inodes += 1
    finally:
        os.close(directory)
    return DiskUsage(used_bytes=used_bytes, inodes=inodes)
