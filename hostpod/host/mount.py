"""Mounts by system call: no mount(8), no subprocess. Every error names source, target and the kernel's reason."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from pathlib import Path
from typing import Literal

from hostpod.host.mountinfo import MountEntry, parse_mountinfo

Propagation = Literal["private", "slave", "shared"]

# The kernel copies the options of mount(2) from one page, the closing zero included.
OPTIONS_LIMIT_BYTES = 4095

_ESCAPE = "\\"
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_OPEN_TREE_CLOEXEC = os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 0x4
_MOVE_MOUNT_T_SYMLINKS = 0x10
_MNT_DETACH = 2
_MS_REC = 1 << 14
_MS_PRIVATE = 1 << 18
_UMOUNT_NOFOLLOW = 8
_FSOPEN_CLOEXEC = 1
_FSMOUNT_CLOEXEC = 1
_FSCONFIG_SET_FLAG = 0
_FSCONFIG_SET_STRING = 1
_FSCONFIG_CMD_CREATE = 6
_ATTR_RDONLY = 1
_ATTR_IDMAP = 0x100000
_PROPAGATION_FLAGS = {"private": 1 << 18, "slave": 1 << 19, "shared": 1 << 20}

# Numbers of the new mount calls are the same on every architecture but Alpha.
_SYS_OPEN_TREE = 428
_SYS_MOVE_MOUNT = 429
_SYS_FSOPEN = 430
_SYS_FSCONFIG = 431
_SYS_FSMOUNT = 432
_SYS_MOUNT_SETATTR = 442

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class MountFlag(IntFlag):
    """Flags of mount(2) that hostpod uses."""

    NONE = 0
    READ_ONLY = 1
    NO_SUID = 2
    NO_DEV = 4
    NO_EXEC = 8
    REMOUNT = 32
    NO_ATIME = 1024
    SILENT = 32768


class MountError(OSError):
    """A mount or unmount that the kernel refused; the message can be shown as it is."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(number, f"{what}: {os.strerror(number).lower()}")
        self.what = what

    def __str__(self) -> str:
        return str(self.strerror)


@dataclass(frozen=True, kw_only=True, slots=True)
class IdMap:
    """Whose ids a mount shows: those of a user namespace (by path), whose root is `first_id` on the host."""

    namespace: Path
    first_id: int


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def mount(
    source: str | Path,
    target: Path,
    fstype: str,
    flags: MountFlag = MountFlag.NONE,
    data: str = "",
) -> None:
    """mount(2). `data` is the file system's own options."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        fstype.encode(),
        ctypes.c_ulong(int(flags)),
        os.fsencode(data) if data else None,
    )
    if result != 0:
        raise MountError(ctypes.get_errno(), f"cannot mount {fstype} on {target}")


def bind(
    source: Path | int,
    target: Path,
    *,
    read_only: bool = False,
    recursive: bool = False,
    propagation: Propagation | None = None,
    idmap: IdMap | None = None,
) -> None:
    """Show `source` (a path, or an open descriptor of a file or directory) at `target`, which must exist.

    Read-only and propagation are set before the mount can be seen. A descriptor is bound as it is: no path is walked
    again, so nobody can put a link in the way. With `idmap` what belongs to an id of the file system belongs to the
    same id of that user namespace: only where the file system can do that (EINVAL otherwise).
    """
    what = f"cannot bind {source if isinstance(source, Path) else f'descriptor {source}'} on {target}"
    recurse = _AT_RECURSIVE if recursive else 0
    clone = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | recurse
    if isinstance(source, Path):
        tree = _syscall(what, _SYS_OPEN_TREE, _AT_FDCWD, os.fsencode(source), clone)
    else:
        tree = _syscall(what, _SYS_OPEN_TREE, source, b"", clone | _AT_EMPTY_PATH)
    try:
        if read_only or propagation:
            _set_attributes(what, tree, recurse, read_only=read_only, propagation=propagation)
        if idmap:
            _set_ids(what, tree, recurse, idmap)
        _attach(what, tree, target)
    finally:
        os.close(tree)


def _set_attributes(what: str, tree: int, recurse: int, *, read_only: bool, propagation: Propagation | None) -> None:
    attributes = _MountAttr(
        attr_set=_ATTR_RDONLY if read_only else 0,
        propagation=_PROPAGATION_FLAGS[propagation] if propagation else 0,
    )
    size = ctypes.sizeof(attributes)
    _syscall(what, _SYS_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH | recurse, ctypes.byref(attributes), size)


def _set_ids(what: str, tree: int, recurse: int, idmap: IdMap) -> None:
    namespace = os.open(idmap.namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        attributes = _MountAttr(attr_set=_ATTR_IDMAP, userns_fd=namespace)
        size = ctypes.sizeof(attributes)
        _syscall(what, _SYS_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH | recurse, ctypes.byref(attributes), size)
    finally:
        os.close(namespace)


def _attach(what: str, tree: int, target: Path) -> None:
    flags = _MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_SYMLINKS
    _syscall(what, _SYS_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(target), flags)


def overlay(
    lower: Sequence[Path],
    upper: Path | None,
    work: Path | None,
    target: Path,
    *,
    source: str = "overlay",
    volatile: bool = False,
    label: str = "",
) -> None:
    """Mount layers (`lower`, topmost first) below a writable directory on `target`; `source` is what mountinfo shows.

    Without `upper` and `work` it is read-only, and needs two layers at the least.

    A volatile overlay never asks the file system below to write back, neither for an fsync nor when it is unmounted;
    such an `upper` cannot be mounted a second time. With `label` all files have this one of SELinux's.

    mount(2) takes one page of options, which is about 40 layers by full path. More than that are handed over one by
    one (`lowerdir+`, Linux 6.8 and newer), and before that by descriptor: `/proc/self/fd/N` is short enough for 127.
    """
    options = _overlay_options(
        [_escaped(os.fspath(layer), ":\\") for layer in lower], upper, work, volatile=volatile, label=label
    )
    if len(os.fsencode(options)) <= OPTIONS_LIMIT_BYTES:
        mount(source, target, "overlay", data=options)
        return
    try:
        _overlay_layer_by_layer(lower, upper, work, target, source, volatile=volatile, label=label)
    except MountError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
        overlay_by_descriptor(lower, upper, work, target, source=source, volatile=volatile, label=label)


def overlay_by_descriptor(
    lower: Sequence[Path],
    upper: Path | None,
    work: Path | None,
    target: Path,
    *,
    source: str = "overlay",
    volatile: bool = False,
    label: str = "",
) -> None:
    """The way of older kernels for many layers: mountinfo then shows descriptors and not the layers' paths."""
    descriptors: list[int] = []
    try:
        for layer in lower:
            try:
                descriptors.append(os.open(layer, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
            except OSError as error:
                raise MountError(error.errno or 0, f"cannot mount overlay on {target}: layer {layer}") from error
        names = [f"/proc/self/fd/{descriptor}" for descriptor in descriptors]
        mount(source, target, "overlay", data=_overlay_options(names, upper, work, volatile=volatile, label=label))
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _overlay_options(lower: Sequence[str], upper: Path | None, work: Path | None, *, volatile: bool, label: str) -> str:
    options = [f"lowerdir={_escaped(':'.join(lower), ',')}"]
    options += [f"{key}={_escaped(value, f',{_ESCAPE}')}" for key, value in _writable(upper, work)]
    options += [f'context="{label}"'] if label else []
    return ",".join((*options, *(["volatile"] if volatile else [])))


def _writable(upper: Path | None, work: Path | None) -> list[tuple[str, str]]:
    return [(key, os.fspath(path)) for key, path in (("upperdir", upper), ("workdir", work)) if path is not None]


def _overlay_layer_by_layer(
    lower: Sequence[Path],
    upper: Path | None,
    work: Path | None,
    target: Path,
    source: str,
    *,
    volatile: bool,
    label: str,
) -> None:
    what = f"cannot mount overlay on {target}"
    context = _syscall(what, _SYS_FSOPEN, b"overlay", _FSOPEN_CLOEXEC)
    try:
        settings = [("source", source), *(("lowerdir+", os.fspath(layer)) for layer in lower)]
        # The kernel takes lowerdir+ as it is, but looks for escapes in these two.
        settings += [(key, _escaped(value, _ESCAPE)) for key, value in _writable(upper, work)]
        settings += [("context", label)] if label else []
        for key, value in settings:
            _syscall(
                f"{what}: {value}", _SYS_FSCONFIG, context, _FSCONFIG_SET_STRING, key.encode(), os.fsencode(value), 0
            )
        if volatile:
            _syscall(f"{what}: volatile", _SYS_FSCONFIG, context, _FSCONFIG_SET_FLAG, b"volatile", None, 0)
        _syscall(what, _SYS_FSCONFIG, context, _FSCONFIG_CMD_CREATE, None, None, 0)
        tree = _syscall(what, _SYS_FSMOUNT, context, _FSMOUNT_CLOEXEC, 0)
    finally:
        os.close(context)
    try:
        _attach(what, tree, target)
    finally:
        os.close(tree)


def _escaped(path: str, special: str) -> str:
    return "".join(f"\\{letter}" if letter in special else letter for letter in path)


def unmount(target: Path, *, lazy: bool = True) -> None:
    """Take the topmost mount off `target`; nothing when it is no mount point or does not exist."""
    flags = _UMOUNT_NOFOLLOW | (_MNT_DETACH if lazy else 0)
    if _libc.umount2(os.fsencode(target), flags) == 0:
        return
    number = ctypes.get_errno()
    if number not in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
        raise MountError(number, f"cannot unmount {target}")


def mounts() -> tuple[MountEntry, ...]:
    """Every mount this process sees, in mountinfo's order."""
    return parse_mountinfo(os.fsdecode(Path("/proc/self/mountinfo").read_bytes()))


def mounts_under(prefix: Path) -> list[Path]:
    """Mount points at or below `prefix`, deepest and latest first: unmounting them in this order succeeds."""
    return [entry.target for entry in reversed(mounts()) if entry.target.is_relative_to(prefix)]


def unmount_under(prefix: Path) -> None:
    """Take off everything at or below `prefix`, and from nowhere else: what a crash may have left."""
    for target in mounts_under(prefix):
        detach(target)


def mounted_at(target: Path) -> bool:
    """Whether something is mounted there. Only a table is read: a file system whose server is gone is not asked."""
    place = target.parent.resolve() / target.name
    return any(entry.target == place for entry in mounts())


def detach(target: Path) -> None:
    """`unmount` of what was bound from elsewhere, with all below it.

    Where mounts are shared, as on every host of systemd, the kernel would take what is mounted below also from the
    place that it was bound from: a disk of the host, say. So nothing of it may be anybody's peer any more.
    """
    _libc.mount(
        None, os.fsencode(target), None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None
    )  # EINVAL: no mount is here
    unmount(target)


def _syscall(what: str, number: int, *arguments: object) -> int:
    result = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise MountError(ctypes.get_errno(), what)
    return result
