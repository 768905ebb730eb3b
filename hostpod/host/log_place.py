"""Where a log is written: made and removed without following a link, whoever may write to the log directory.

Log collectors and careless pods have the directory mounted. A link that one of them leaves in the place of a log, or
of a directory on the way to it, would let a container write to any file of the host.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hostpod.host.logs import LogError

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def make_log_place(path: Path, below: Path) -> None:
    """The directories of a log below `below`, and nothing where the log will be. Raises LogError.

    What is there already, a link to somewhere else or another name of another file, would be written to.
    """
    try:
        below.mkdir(parents=True, exist_ok=True)
        with _directory_of(path, below, make=True) as directory, suppress(FileNotFoundError):
            os.unlink(path.name, dir_fd=directory)
    except OSError as error:
        raise LogError(f"cannot make the log {path}: {_reason(error)}") from error


def remove_log(path: Path, below: Path) -> None:
    """Remove a log; nothing where there is none, or where a link on the way to it leads elsewhere. Raises LogError."""
    try:
        with suppress(FileNotFoundError, NotADirectoryError), _directory_of(path, below, make=False) as directory:
            os.unlink(path.name, dir_fd=directory)
    except OSError as error:
        raise LogError(f"cannot remove the log {path}: {_reason(error)}") from error


@contextmanager
def _directory_of(path: Path, below: Path, *, make: bool) -> Iterator[int]:
    fd = os.open(below, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in path.parent.relative_to(below).parts:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o755, dir_fd=fd)
            inner = os.open(name, _DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)


def _reason(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    return place + (error.strerror or str(error)).lower()
