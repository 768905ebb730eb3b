"""What a cgroup or a directory has now. Read when the host is short of it, and not before."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hostpod.host.cgroup_files import below
from hostpod.host.cgroup_layout import Layout

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
        device = top.lstat().st_dev
    except FileNotFoundError:
        return DiskUsage()
    directories = [str(top)]
    while directories:
        for status, path in _entries(directories.pop()):
            if status.st_dev == device:
                used_bytes += status.st_blocks * _BLOCK_BYTES
                inodes += 1
                if stat.S_ISDIR(status.st_mode):
                    directories.append(path)
    return DiskUsage(used_bytes=used_bytes, inodes=inodes)


def _entries(directory: str) -> Iterator[tuple[os.stat_result, str]]:
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # removed while it is looked at
                yield entry.stat(follow_symlinks=False), entry.path
