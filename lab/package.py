"""What the Debian package is made from: the runtime part of requirements.lock, its version, its changelog."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from lab.place import REPOSITORY, command

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """Where the tree stands: commits so far, short name, time, and whether files differ from it."""

    count: int
    name: str
    time_s: int
    changed: bool


def runtime_lock(lock: str, dependencies: Sequence[str]) -> str:
    """The entries of a lock that these dependencies need, directly or through others, with their hashes.

    Who needs whom is what pip-compile notes below each entry (`# via`). LookupError for what is not in the lock.
    """
    entries = _entries(lock)
    needed = [_normal(_NAME.match(line)[0]) for line in dependencies if _NAME.match(line)]  # type: ignore[index]
    for name in needed:
        if name not in entries:
            raise LookupError(f"requirements.lock has no {name}: run make lock")
        needed += [other for other, text in entries.items() if name in _needed_by(text) and other not in needed]
    return "".join(entries[name] for name in sorted(set(needed)))


def _entries(lock: str) -> Mapping[str, str]:
    """Each entry with the lines that belong to it, under its package's name."""
    parts = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)
    return {_normal(part.partition("==")[0]): part for part in parts if "==" in part.partition("\n")[0]}


def _needed_by(entry: str) -> frozenset[str]:
    comment = entry.partition("# via")[2]
    return frozenset(_normal(word) for word in comment.split() if _NAME.fullmatch(word))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def package_version(*, version: str, changes: str, commit: Commit, release: str, build: int) -> str:
    """The package's version for a release of Debian: `0.1.0~git152.87b5933+deb12u1`.

    A version that CHANGELOG.md has no section for yet is before its release: `~git`, and commits order it. The end
    makes packages for newer releases of Debian, and second builds, newer.
    """
    released = re.search(rf"^## \[?v?{re.escape(version)}\b", changes, re.MULTILINE) is not None
    dirty = ".dirty" if commit.changed else ""
    before = "" if released and not commit.changed else f"~git{commit.count}.{commit.name}{dirty}"
    return f"{version}{before}+deb{release}u{build}"


def changelog(*, version: str, suite: str, maintainer: str, time_s: int) -> str:
    """debian/changelog with its one entry: what changed is in CHANGELOG.md, which the package has as well."""
    when = format_datetime(datetime.fromtimestamp(time_s, UTC))
    return (
        f"hostpod ({version}) {suite}; urgency=medium\n\n"
        "  * Built from the project's own tree; see /usr/share/doc/hostpod/CHANGELOG.md.gz.\n\n"
        f" -- {maintainer}  {when}\n"
    )


def commit_here() -> Commit:
    """The commit that this tree is at."""
    return Commit(
        count=int(_git("rev-list", "--count", "HEAD")),
        name=_git("rev-parse", "--short=7", "HEAD"),
        time_s=int(_git("log", "-1", "--format=%ct")),
        changed=bool(_git("status", "--porcelain", "--untracked-files=no")),
    )


def _git(*words: str) -> str:
    # The tree may belong to another user than root, who builds.
    return command(["git", "-c", f"safe.directory={REPOSITORY}", "-C", REPOSITORY, *words]).strip()
