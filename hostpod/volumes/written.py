"""Files that change all at once: each is a link through `..data`, and `..data` is put in place by one rename.

    app.conf      -> ..data/app.conf
    ..data        -> ..2026_11_21_23_10_00.482013
    ..2026_…/app.conf

So a reader sees the files of before or those of now, never some of each; that is how the kubelet writes them, and what
programs that watch their configuration look for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from hostpod.host.store import remove_tree
from hostpod.volumes.contents import File

DATA = "..data"
_NEXT = "..data_tmp"


def write_files(directory: Path, files: Mapping[str, File], *, owner: int = 0) -> bool:
    """Make the directory show just these files. Whether anything had to change; what an interrupted call left goes.

    `owner` is who root is to the reader: groups are counted from there.
    """
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    current = _current(directory)
    changes = current is None or _read(current, owner) != dict(files)
    if changes:
        fresh = _written(directory, files, owner)
        (directory / _NEXT).unlink(missing_ok=True)
        (directory / _NEXT).symlink_to(fresh.name)
        (directory / _NEXT).rename(directory / DATA)
        current = fresh
    _link(directory, {PurePosixPath(path).parts[0] for path in files})
    for each in directory.iterdir():
        if each.name.startswith("..") and each.name != DATA and each != current:
            remove_tree(each)
    return changes


def _current(directory: Path) -> Path | None:
    try:
        found = directory / (directory / DATA).readlink()
    except FileNotFoundError:
        return None
    return found if found.is_dir() else None


def _read(current: Path, owner: int) -> dict[str, File]:
    paths = [Path(root) / name for root, _, names in os.walk(current) for name in names]
    return {path.relative_to(current).as_posix(): _file(path, owner) for path in paths}


def _file(path: Path, owner: int) -> File:
    status = path.stat()
    return File(
        content=path.read_bytes(),
        mode=status.st_mode & 0o7777,
        uid=status.st_uid - owner,
        gid=status.st_gid - owner,
    )


def _written(directory: Path, files: Mapping[str, File], owner: int) -> Path:
    fresh = directory / f"..{datetime.now(UTC):%Y_%m_%d_%H_%M_%S.%f}"
    fresh.mkdir(mode=0o755)
    fresh.chmod(0o755)  # mkdir's mode is cut by the umask
    for path, file in files.items():
        target = fresh / path
        for parent in reversed(PurePosixPath(path).parents[:-1]):
            (fresh / parent).mkdir(mode=0o755, exist_ok=True)
            (fresh / parent).chmod(0o755)
        target.touch(mode=0o600, exist_ok=False)
        target.write_bytes(file.content)
        os.chown(target, owner + file.uid, owner + file.gid)
        target.chmod(file.mode)
    return fresh


def _link(directory: Path, names: set[str]) -> None:
    """A link for each name, and nothing else: a subPath that was not there has left a directory."""
    for each in directory.iterdir():
        if not each.name.startswith("..") and not (each.name in names and each.is_symlink()):
            remove_tree(each)
    for name in names:
        with suppress(FileExistsError):
            (directory / name).symlink_to(f"{DATA}/{name}")
