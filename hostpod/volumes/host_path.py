"""hostPath: a file or directory of the host, checked against the type that the manifest claims."""

from __future__ import annotations

import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hostpod.volumes.errors import VolumeError, reason


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kind:
    is_right: Callable[[int], bool]
    what: str


_DIRECTORY = _Kind(is_right=stat.S_ISDIR, what="a directory")
_FILE = _Kind(is_right=stat.S_ISREG, what="a file")

_KINDS: Mapping[str, _Kind] = {
    "DirectoryOrCreate": _DIRECTORY,
    "Directory": _DIRECTORY,
    "FileOrCreate": _FILE,
    "File": _FILE,
    "Socket": _Kind(is_right=stat.S_ISSOCK, what="a socket"),
    "CharDevice": _Kind(is_right=stat.S_ISCHR, what="a character device"),
    "BlockDevice": _Kind(is_right=stat.S_ISBLK, what="a block device"),
}


def open_host_path(path: Path, type_: str) -> Path:
    """The path, made where the type says so, and of that type; VolumeError otherwise.

    Without a type nothing is checked, and a directory is made where nothing is, as containerd and CRI-O do.
    """
    try:
        mode = _mode(path)
        if mode is None and type_ in ("", "DirectoryOrCreate"):
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
            return path
        if mode is None and type_ == "FileOrCreate":
            path.touch(mode=0o644)
            return path
    except OSError as error:
        raise VolumeError(f"hostPath {path}: {reason(error)}") from error
    if type_ and not _KINDS[type_].is_right(mode or 0):
        state = "does not exist" if mode is None else f"is not {_KINDS[type_].what}"
        raise VolumeError(f"hostPath type check failed: {path} {state} (type {type_})")
    return path


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
