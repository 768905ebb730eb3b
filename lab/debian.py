"""Debian packages unpacked into a directory: nothing is installed, so no service is started on this machine."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from lab.place import CACHE, LabError, command

_OTHER_RELATIONS = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
_DEPENDS = ("apt-cache", "depends", *(f"--no-{relation}" for relation in _OTHER_RELATIONS))
_UNUSED = ("doc", "man", "locale", "lintian", "bug", "info")


def unpack(packages: Iterable[str], root: Path) -> None:
    """Download packages by apt and unpack them over each other in `root`, without documentation."""
    with tempfile.TemporaryDirectory() as name:
        download = ["apt-get", "download", "--quiet", "-o", "APT::Sandbox::User=root", *packages]
        try:
            command(download, cwd=Path(name), timeout_s=300)
        except LabError:  # no package lists yet, or older ones than the archive's
            command(["apt-get", "update", "--quiet"], timeout_s=300)
            command(download, cwd=Path(name), timeout_s=300)
        for archive in sorted(Path(name).glob("*.deb")):
            command(["dpkg-deb", "-x", archive, root])
    for unused in _UNUSED:
        shutil.rmtree(root / "usr/share" / unused, ignore_errors=True)


def with_libraries(package: str, *, prefixes: Sequence[str]) -> tuple[str, ...]:
    """The package and, through all levels, those of its dependencies whose names begin with one of `prefixes`."""
    found = [package]
    for each in found:
        for line in _dependencies(each):
            kind, _, name = line.strip().partition("Depends: ")
            if kind in ("", "Pre") and name.startswith(tuple(prefixes)) and name not in found:
                found.append(name)
    return tuple(found)


def _dependencies(package: str) -> list[str]:
    try:
        return command([*_DEPENDS, package]).splitlines()
    except LabError:
        command(["apt-get", "update", "--quiet"], timeout_s=300)
        return command([*_DEPENDS, package]).splitlines()


def program(name: str, *, package: str) -> Path:
    """A program of this host, or of a package unpacked beside the tree."""
    installed = shutil.which(name)
    return Path(installed) if installed else unpacked_program(name, package=package)


def unpacked_program(name: str, *, package: str) -> Path:
    """A program of a package unpacked beside the tree, whatever this host has installed."""
    root = CACHE / "programs" / package
    if not root.exists():
        root.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=root.parent))
        unpack([package], fresh)
        fresh.rename(root)
    for directory in ("usr/bin", "usr/sbin", "bin", "sbin"):
        if (path := root / directory / name).exists():
            return path
    raise LabError(f"Debian's package {package} has no {name}")
