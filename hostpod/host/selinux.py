"""SELinux: whether the kernel has a policy, what it calls containers, and the labels of files."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from hostpod.host.walk import walk

SYS = Path("/sys")
ETC = Path("/etc/selinux")
_ATTRIBUTE = "security.selinux"
_USUAL = {"process": "system_u:system_r:container_t:s0", "file": "system_u:object_r:container_file_t:s0"}


def is_enabled(sys: Path = SYS) -> bool:
    """Whether a policy is loaded: then the kernel has its own file system."""
    return (sys / "fs/selinux/enforce").exists()


def container_labels(etc: Path = ETC) -> tuple[str, str]:
    """The policy's labels of a container's process and of its files; the usual ones where it names none."""
    kind = dict(_assignments(etc / "config")).get("SELINUXTYPE", "")
    said = _USUAL | dict(_assignments(etc / kind / "contexts" / "lxc_contexts"))
    return said["process"], said["file"]


def relabel(path: Path, label: str) -> None:
    """Give a file, or a directory with all in it, a label. Links are not followed, and containers may go on in it."""
    value = label.encode() + b"\0"
    held = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _label(held, value)
        if not stat.S_ISDIR(os.fstat(held).st_mode):
            return
        directory = os.open(f"/proc/self/fd/{held}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(held)
    try:
        for found in walk(directory, one_device=True):
            with suppress(FileNotFoundError):  # removed meanwhile
                _label_one(found.name, found.parent, value)
    finally:
        os.close(directory)


def _label_one(name: str, parent: int, value: bytes) -> None:
    held = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        _label(held, value)
    finally:
        os.close(held)


def _label(held: int, value: bytes) -> None:
    if not stat.S_ISLNK(os.fstat(held).st_mode):  # of a link this path would lead on
        os.setxattr(f"/proc/self/fd/{held}", _ATTRIBUTE, value)


def _assignments(path: Path) -> list[tuple[str, str]]:
    """`NAME=value` and `name = "value"`, one a line."""
    try:
        text = path.read_text()
    except OSError:
        return []
    return re.findall(r'^\s*(\w+)\s*=\s*"?([^"\n]*?)"?\s*$', text, re.MULTILINE)
