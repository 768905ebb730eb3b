"""Large things that take a while to make, kept below .cache/ by the content of their recipe."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.place import CACHE

_SHOWN = 12


def key_of(*parts: object) -> str:
    """What tells one recipe from another; a `Path` among the parts stands for its file's content."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else repr(part).encode()
        digest.update(f"{len(content)}:".encode() + content)
    return digest.hexdigest()[:_SHOWN]


@contextmanager
def made(kind: str, name: str, key: str, build: Callable[[Path], None]) -> Iterator[Path]:
    """The directory `.cache/KIND/NAME-KEY`, built when it is not there; nobody removes it while it is held.

    Those of the same name with another key go, unless somebody holds them. `build` is given an empty directory.
    """
    directory = CACHE / kind / f"{name}-{key}"
    directory.parent.mkdir(parents=True, exist_ok=True)
    with _lock(directory).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if not directory.exists():
            fcntl.flock(lock, fcntl.LOCK_EX)
            _build(directory, build)
            _remove_others(directory.parent, name, keep=directory)
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield directory


def _lock(directory: Path) -> Path:
    return directory.with_name(f"{directory.name}.lock")


def _build(directory: Path, build: Callable[[Path], None]) -> None:
    if directory.exists():  # somebody else was quicker
        return
    with scratch("made") as fresh:
        build(fresh)
        fresh.rename(directory)


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """An empty directory below .cache/ that goes in the end; what killed processes left goes in the beginning."""
    parent = CACHE / "scratch"
    sweep(parent, name)
    directory = parent / f"{name}-{os.getpid()}-{secrets.token_hex(4)}"
    directory.mkdir(parents=True)
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        _remove(directory)


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)  # somebody else may be at it


def sweep(parent: Path, name: str, remove: Callable[[Path], None] = _remove) -> None:
    """Remove each `NAME-PID-…` whose process is no more."""
    for left in parent.glob(f"{name}-*-*"):
        if not Path(f"/proc/{left.name.split('-')[1]}").exists():
            remove(left)


def _remove_others(parent: Path, name: str, *, keep: Path) -> None:
    for other in parent.glob(f"{name}-" + "?" * _SHOWN):
        if other == keep:
            continue
        with _lock(other).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(other)
            _lock(other).unlink()
