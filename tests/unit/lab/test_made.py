"""What the lab caches is built once, goes with its recipe, and leaves nothing of runs that were killed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lab import made
from lab.place import LabError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(made, "CACHE", tmp_path)
    return tmp_path


def _dead_pid() -> int:
    with subprocess.Popen(["true"]) as process:
        return process.pid


def test_the_same_recipe_is_built_once() -> None:
    built: list[Path] = []
    for _ in range(2):
        with made.made("kind", "name", "0123456789ab", built.append) as directory:
            assert directory.is_dir()
    assert len(built) == 1


def test_another_recipe_takes_the_place_of_one_that_nobody_holds() -> None:
    with made.made("kind", "name", "0" * 12, lambda _: None) as held:
        with made.made("kind", "name", "1" * 12, lambda _: None) as other:
            assert held.is_dir()
        with made.made("kind", "name", "2" * 12, lambda _: None):
            assert (held.is_dir(), other.is_dir()) == (True, False)


def test_what_could_not_be_built_is_not_there() -> None:
    def fails(empty: Path) -> None:
        (empty / "half").touch()
        raise LabError("no disk")

    with pytest.raises(LabError, match="no disk"), made.made("kind", "name", "0" * 12, fails):
        pass
    built: list[Path] = []
    with made.made("kind", "name", "0" * 12, lambda empty: built.extend(empty.iterdir())):
        assert built == []


def test_scratch_of_a_killed_process_goes_and_that_of_a_living_one_stays(cache: Path) -> None:
    killed, living = (cache / "scratch" / f"work-{pid}-00" for pid in (_dead_pid(), os.getpid()))
    for left in (killed, living):
        (left / "file").mkdir(parents=True)
    with made.scratch("work") as directory:
        assert directory.is_dir()
        assert (killed.exists(), living.exists()) == (False, True)
    assert not directory.exists()
