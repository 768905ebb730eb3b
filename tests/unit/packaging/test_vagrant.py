"""The script that is run before `vagrant up`: which package goes into the machine, and what is said without one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "packaging/vagrant/package"
NOBODY = 65534


@pytest.fixture
def clone() -> Iterator[Path]:
    """A tree with the script; `make deb` in it makes a package whose content is the suite that was asked for.

    It is not below pytest's own directory, which nobody but its owner can enter.
    """
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        tree.chmod(0o755)
        (tree / "packaging/vagrant/inside").mkdir(parents=True)
        (tree / "dist").mkdir()
        shutil.copy2(SCRIPT, tree / "packaging/vagrant")
        recipe = "@echo made for $(SUITE) >dist/hostpod_9.deb && echo dist/hostpod_9.deb: 1.0 MB, in 0 s"
        (tree / "Makefile").write_text(f"deb:\n\t{recipe}\n")
        yield tree


def choose(clone: Path, suite: str, *, root: bool = False, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script as root or as nobody."""
    if root and os.geteuid() != 0:
        pytest.skip("needs root")
    demoted = None if root or os.geteuid() != 0 else NOBODY
    if demoted:
        for path in (clone, *clone.rglob("*")):
            os.chown(path, demoted, demoted)
    return subprocess.run(
        [clone / "packaging/vagrant/package", suite],
        env={"PATH": os.environ["PATH"], **variables},
        user=demoted,
        capture_output=True,
        text=True,
        check=False,
    )


def carried(clone: Path) -> str:
    return (clone / "packaging/vagrant/inside/hostpod.deb").read_text()


def package(clone: Path, name: str, content: str, *, age_s: int) -> Path:
    path = clone / "dist" / name
    path.write_text(content)
    os.utime(path, (1_000_000 - age_s, 1_000_000 - age_s))
    return path


def test_root_builds_the_package_of_the_suite(clone: Path) -> None:
    done = choose(clone, "trixie", root=True)
    assert done.returncode == 0, done.stderr
    assert carried(clone) == "made for trixie\n"


def test_a_package_that_is_named_is_taken_as_it_is(clone: Path) -> None:
    named = package(clone, "other.deb", "named", age_s=0)
    done = choose(clone, "bookworm", HOSTPOD_DEB=str(named))
    assert done.returncode == 0, done.stderr
    assert carried(clone) == "named"


def test_others_than_root_get_the_newest_of_the_suite(clone: Path) -> None:
    package(clone, "hostpod_1+deb12u1_amd64.deb", "newer", age_s=10)
    package(clone, "hostpod_2+deb12u1_amd64.deb", "older", age_s=20)
    package(clone, "hostpod_3+deb13u1_amd64.deb", "of another suite", age_s=0)
    done = choose(clone, "bookworm")
    assert done.returncode == 0, done.stderr
    assert carried(clone) == "newer"


@pytest.mark.parametrize("with_dist", [True, False])
def test_others_than_root_are_told_what_to_do_without_one(clone: Path, *, with_dist: bool) -> None:
    if not with_dist:
        (clone / "dist").rmdir()
    done = choose(clone, "trixie")
    assert done.returncode == 1
    assert done.stderr == "there is no package for trixie in dist/: build one on Debian, sudo make deb SUITE=trixie\n"


def test_a_suite_without_packages_is_refused(clone: Path) -> None:
    done = choose(clone, "buster")
    assert done.returncode == 1
    assert done.stderr == 'no packages are built for "buster": SUITE is bookworm or trixie\n'
