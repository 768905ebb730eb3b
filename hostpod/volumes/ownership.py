"""fsGroup: a volume that is the pods' own belongs to a group of theirs.

The kubelet's masks (pkg/volume/volume_linux.go): the group reads and writes files, enters directories, and what is made
in them later is of the group too.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hostpod.host.walk import walk
from hostpod.kube import Pod

_FILES = 0o660
_DIRECTORIES = 0o770 | stat.S_ISGID


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """An fsGroup; with `always` a volume whose top is the group's already is looked through all the same.

    Of the pod's `own` volumes the group of the top, which it gets last, says that all was given: what the pod makes of
    their modes afterwards is its own affair.
    """

    gid: int
    always: bool = False
    own: bool = False


def group_of(pod: Pod) -> Group | None:
    """What a pod says of volumes that were there before it; Always is the default of its policy."""
    context = pod.spec.security_context
    if context is None or context.fs_group is None:
        return None
    return Group(gid=context.fs_group, always=context.fs_group_change_policy != "OnRootMismatch")


def give_to_root(directory: Path, owner: int) -> None:
    """A directory that hostpod has made, to the root of a pod that has ids of its own."""
    status = directory.stat()
    if status.st_uid == 0:
        os.chown(directory, owner, owner if status.st_gid == 0 else -1)


def give_to_group(directory: Path, group: Group) -> None:
    """A directory and all in it, unless its top is the group's already. Links are not followed.

    What a pod makes in it afterwards has the group by itself, so a restart of the daemon need not look at all of it.
    Other pods may work in it meanwhile: what they put in the place of a file is not touched instead of it.
    """
    top = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        mode, gid = (status := os.fstat(top)).st_mode, status.st_gid
        if not group.always and gid == group.gid and (group.own or mode & _DIRECTORIES == _DIRECTORIES):
            return
        for found in walk(top):
            with suppress(FileNotFoundError):  # removed meanwhile
                _give(found.name, group.gid, found.parent)
        os.fchown(top, -1, group.gid)
        os.fchmod(top, stat.S_IMODE(mode) | _DIRECTORIES)
    finally:
        os.close(top)


def _give(name: str, gid: int, parent: int) -> None:
    os.chown(name, -1, gid, dir_fd=parent, follow_symlinks=False)
    found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        status = os.fstat(found)
        if not stat.S_ISLNK(status.st_mode):
            added = _DIRECTORIES if stat.S_ISDIR(status.st_mode) else _FILES
            Path(f"/proc/self/fd/{found}").chmod(stat.S_IMODE(status.st_mode) | added)
    finally:
        os.close(found)
