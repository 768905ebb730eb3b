"""hostpod's Debian package: `python -m lab.deb [--suite trixie] [--build 2]` writes it below dist/.

It is built in a root file system of its suite, without a network, from the files that git knows, as they are in the
tree. The Python packages are fetched before, by pip of this machine, at the versions and hashes of requirements.lock.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import sys
import time
import tomllib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lab import made, package
from lab.place import REPOSITORY, LabError, UnreachableError, command
from lab.rootfs import Recipe, root_file_system

_DEBIAN = REPOSITORY / "packaging/deb/debian"
_TOOLS = ("build-essential", "lintian", "man-db")
_BUILT_WITHIN_S = 600
# glibc of bookworm and of what wheels were built on before it; the best for us is named first.
_GLIBC_MINORS = (36, 35, 34, 31, 28, 27, 24, 17, 12, 5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A release of Debian that packages are built for."""

    number: str
    python: str


RELEASES = {"bookworm": Release(number="12", python="3.11"), "trixie": Release(number="13", python="3.13")}


def build(*, suite: str, number: int = 1) -> Path:
    """The package file, built unless one of the same files is there; `number` tells builds of one tree apart."""
    if os.geteuid() != 0:
        raise LabError("cannot build the package: its root file system is made and entered by root only")
    names = _files()
    content = made.key_of(suite, _version(suite, number), *names, *(REPOSITORY / name for name in names))
    with made.made("package", f"{suite}-{number}", content, lambda empty: _build(empty, suite, number)) as directory:
        found = next(directory.glob("*.deb"))
        target = REPOSITORY / "dist" / found.name
        target.parent.mkdir(exist_ok=True)
        return Path(shutil.copy2(found, target))


def newer(file: Path, directory: Path) -> Path:
    """The same package with a higher version: what a second build of the same tree is, in a second."""
    with made.scratch("newer") as tree:
        command(["dpkg-deb", "--raw-extract", file, tree])
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(r"(?m)^(Version: .*)$", r"\1+1", control.read_text()))
        target = directory / f"newer-{file.name}"
        command(["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, target])
        return target


def build_root(suite: str) -> Recipe:
    """The root file system that it is built in: what debian/control asks for, and lintian."""
    wanted = build_dependencies((_DEBIAN / "control").read_text())
    return Recipe(name=f"{suite}-build", suite=suite, packages=(*_TOOLS, *wanted), script="true", prepare="true")


def build_dependencies(control: str) -> list[str]:
    """Names from the Build-Depends of a control file; of alternatives the first."""
    field = re.search(r"^Build-Depends:((?:\n .*|.)*)", control, re.MULTILINE)
    entries = field[1].split(",") if field else []
    names = [entry.split("|")[0].split("(")[0].strip() for entry in entries]
    return [name.replace("debhelper-compat", "debhelper") for name in names if name]


def _files() -> list[str]:
    listing = command(["git", "-c", f"safe.directory={REPOSITORY}", "-C", REPOSITORY, "ls-files", "-z"])
    return sorted(name for name in listing.split("\0") if name and (REPOSITORY / name).is_file())


def _version(suite: str, number: int) -> str:
    return package.package_version(
        version=_project()["version"],
        changes=(REPOSITORY / "CHANGELOG.md").read_text(),
        commit=package.commit_here(),
        release=RELEASES[suite].number,
        build=number,
    )


def _project() -> dict[str, str]:
    project: dict[str, str] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return project


def _build(empty: Path, suite: str, number: int) -> None:
    with ExitStack() as stack:
        root = stack.enter_context(root_file_system(build_root(suite)))
        lock = package.runtime_lock((REPOSITORY / "requirements.lock").read_text(), _project()["dependencies"])
        wheels_key = made.key_of(lock, RELEASES[suite], _GLIBC_MINORS)
        wheels = stack.enter_context(made.made("wheels", suite, wheels_key, lambda to: _fetch(to, lock, suite)))
        work = stack.enter_context(made.scratch("deb"))
        _lay_out(work / "hostpod", suite, number, lock)
        shutil.copytree(wheels, work / "wheels")
        _run(work, root)
        for found in (work / "build.log", *work.glob("hostpod_*")):
            shutil.copy2(found, empty)


def _run(work: Path, root: Path) -> None:
    namespaces = ("setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child")
    argv = ("env", f"ROOT={root}", f"WORK={work}", *namespaces, str(REPOSITORY / "packaging/deb/build"))
    try:
        command(argv, timeout_s=_BUILT_WITHIN_S)
    except LabError as error:
        last = (work / "build.log").read_text(errors="replace").splitlines()[-30:]
        raise LabError("\n".join((*last, f"cannot build the package: {error}"))) from error


def _fetch(directory: Path, lock: str, suite: str) -> None:
    (directory / "runtime.lock").write_text(lock)
    platforms = (f"--platform=manylinux_2_{minor}_{platform.machine()}" for minor in _GLIBC_MINORS)
    options = ("--quiet", "--require-hashes", "--no-deps", f"--python-version={RELEASES[suite].python}", *platforms)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", *options]
    try:
        command([*pip, "--requirement", directory / "runtime.lock", "--dest", directory], timeout_s=_BUILT_WITHIN_S)
    except LabError as error:
        if "connection broken" in str(error):
            raise UnreachableError("cannot fetch the package's Python packages: pip reaches no index") from error
        raise


def _lay_out(tree: Path, suite: str, number: int, lock: str) -> None:
    """The tree that dpkg-buildpackage wants, with times of the commit and modes of git."""
    for name in _files():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, tree / name)
        (tree / name).chmod(0o755 if os.access(REPOSITORY / name, os.X_OK) else 0o644)
    shutil.copytree(tree / "packaging/deb/debian", tree / "debian")
    (tree / "runtime.lock").write_text(lock)
    (tree / "debian/changelog").write_text(_changelog(suite, number))


def _changelog(suite: str, number: int) -> str:
    maintainer = re.search(r"^Maintainer: (.*)$", (_DEBIAN / "control").read_text(), re.MULTILINE)
    return package.changelog(
        version=_version(suite, number),
        suite=suite,
        maintainer=maintainer[1] if maintainer else "",
        time_s=package.commit_here().time_s,
    )


def _own_suite() -> str:
    """The release of this machine."""
    found = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    return found[1] if found and found[1] in RELEASES else "bookworm"


def main() -> int:
    """Build one and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m lab.deb", description=__doc__)
    parser.add_argument("--suite", choices=sorted(RELEASES), default=_own_suite())
    parser.add_argument("--build", type=int, default=1, metavar="N", help="counts builds of one tree: N is newer")
    given = parser.parse_args()
    began = time.monotonic()
    try:
        file = build(suite=given.suite, number=given.build)
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    took_s, size_mb = time.monotonic() - began, file.stat().st_size / 1e6
    sys.stdout.write(f"{file.relative_to(REPOSITORY)}: {size_mb:.1f} MB, in {took_s:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
