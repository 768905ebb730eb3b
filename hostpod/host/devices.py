"""The host's device nodes, as a privileged container gets them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Those a container has of its own, and those that lead to other files.
_OWN = frozenset({"pts", "shm", "mqueue", "fd", "console", "ptmx", "null", "zero", "full", "random", "urandom", "tty"})


def host_devices(directory: Path = Path("/dev")) -> list[dict[str, Any]]:
    """Every device node of the host but those that each container has, in the form of the OCI specification."""
    return [_device(path, status) for path, status in _nodes(directory, frozenset(_OWN))]


def device_at(path: Path) -> dict[str, Any] | None:
    """One device node, also behind a link, at the place of this path; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _device(str(path), status) if _is_device(status) else None


def _nodes(directory: Path, left_out: frozenset[str]) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(directory) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if entry.name in left_out:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _nodes(Path(entry.path), frozenset())
            else:
                status = entry.stat(follow_symlinks=False)
                if _is_device(status):
                    yield entry.path, status


def _is_device(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)


def _device(path: str, status: os.stat_result) -> dict[str, Any]:
    return {
        "path": path,
        "type": "c" if stat.S_ISCHR(status.st_mode) else "b",
        "major": os.major(status.st_rdev),
        "minor": os.minor(status.st_rdev),
        "fileMode": stat.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
    }
