"""fsGroup: a volume that the pod has for itself belongs to a group of its own.

The kubelet's masks (pkg/volume/volume_linux.go): the group reads and writes files, enters directories, and what is made
in them later is of the group too.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_FILES = 0o660
_DIRECTORIES = 0o770 | stat.S_ISGID


def give_to_group(directory: Path, gid: int) -> None:
    """A directory and all in it, unless it is the group's already. Links are not followed.

    What a pod makes in it afterwards has the group by itself, so a restart of the daemon need not look at all of it.
    """
    status = directory.stat()
    if status.st_gid == gid and status.st_mode & _DIRECTORIES == _DIRECTORIES:
        return
    for _, directories, names, descriptor in os.fwalk(directory, topdown=False):
        for name in (*directories, *names):
            _give(name, gid, descriptor)
    os.chown(directory, -1, gid)
    directory.chmod(stat.S_IMODE(status.st_mode) | _DIRECTORIES)


def _give(name: str, gid: int, parent: int) -> None:
    os.chown(name, -1, gid, dir_fd=parent, follow_symlinks=False)
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        added = _DIRECTORIES if stat.S_ISDIR(status.st_mode) else _FILES
        os.chmod(name, stat.S_IMODE(status.st_mode) | added, dir_fd=parent)
