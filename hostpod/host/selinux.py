"""SELinux: whether the kernel has a policy, what it calls containers, and the labels of files."""

from __future__ import annotations

import os
import re
from pathlib import Path

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
    """Give a file, or a directory with all in it, a label. Links are not followed."""
    value = label.encode() + b"\0"
    os.setxattr(path, _ATTRIBUTE, value, follow_symlinks=False)
    for root, directories, names in os.walk(path):
        for name in (*directories, *names):
            os.setxattr(Path(root) / name, _ATTRIBUTE, value, follow_symlinks=False)


def _assignments(path: Path) -> list[tuple[str, str]]:
    """`NAME=value` and `name = "value"`, one a line."""
    try:
        text = path.read_text()
    except OSError:
        return []
    return re.findall(r'^\s*(\w+)\s*=\s*"?([^"\n]*?)"?\s*$', text, re.MULTILINE)
