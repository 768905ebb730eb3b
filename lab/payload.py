"""This clone as it is carried into another system: code, tests, what they need of Debian, and Python's packages.

The packages are for the other system's Python; the one that would have to be compiled is Debian's own there.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import fetch, made
from lab.package import runtime_lock
from lab.place import CACHE, REPOSITORY, command

PYTHON = {"bookworm": "3.11", "trixie": "3.13"}
_CARRIED = ("hostpod", "lab", "tests", "bench", "examples", "docs", "packaging", "pyproject.toml", "requirements.lock")
_CACHED = ("images", "programs")
_TESTS_RUN_WITH = ("pytest", "pytest-timeout", "pytest-xdist", "hypothesis")
_OF_DEBIAN = ("systemd-python",)  # python3-systemd there
RUN = ("env", "PYTHONPATH=.:.site", "python3")
"""Runs Python in the payload's directory."""


@contextmanager
def payload(suite: str) -> Iterator[Path]:
    """A directory with all of it, for a system of this suite."""
    fetch.fetch()
    with made.scratch("payload") as directory, _site(suite) as site:
        tree = directory / "hostpod"
        (tree / ".cache").mkdir(parents=True)
        command(["cp", "-a", *(REPOSITORY / each for each in _CARRIED), tree])
        command(["cp", "-a", *(CACHE / each for each in _CACHED), tree / ".cache"])
        command(["cp", "-a", site, tree / ".site"])
        command(["find", tree, "-name", "__pycache__", "-prune", "-exec", "rm", "-rf", "{}", "+"])
        yield tree


@contextmanager
def _site(suite: str) -> Iterator[Path]:
    lock = _lock()

    def build(directory: Path) -> None:
        entries = directory / "lock"
        entries.write_text(lock)
        wheels = [f"--python-version={PYTHON[suite]}", "--implementation=cp"]
        platforms = [f"--platform=manylinux{kind}_x86_64" for kind in ("2014", "_2_17", "_2_28", "_2_34", "_2_36")]
        target: list[str | Path] = ["--target", directory / "site", "--no-deps", "--require-hashes", "-r", entries]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "install"]
        command([*pip, *wheels, *platforms, *target], timeout_s=300)

    with made.made("site", suite, made.key_of(lock, PYTHON[suite], Path(__file__)), build) as directory:
        yield directory / "site"


def _lock() -> str:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = [each for each in project["dependencies"] if not each.startswith(_OF_DEBIAN)]
    return runtime_lock((REPOSITORY / "requirements.lock").read_text(), [*wanted, *_TESTS_RUN_WITH])
