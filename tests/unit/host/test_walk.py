from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from hostpod.host import walk as module
from hostpod.host.usage import disk_usage
from hostpod.host.walk import walk


def names(top: Path) -> set[str]:
    directory = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return {found.name for found in walk(directory)}
    finally:
        os.close(directory)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a path each would be one more


def test_links_are_seen_and_not_followed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "file").touch()
    (tmp_path / "secret").touch()
    (top / "out").symlink_to(tmp_path)
    before = descriptors()
    assert names(top) == {"a", "b", "file", "out"}
    assert descriptors() == before


def test_what_is_nested_deeper_than_a_path_may_be_long_is_found(tmp_path: Path) -> None:
    home = Path.cwd()
    os.chdir(tmp_path)
    try:
        for _ in range(30):
            os.mkdir("d" * 200)  # noqa: PTH102 - no path is as long
            os.chdir("d" * 200)
        Path("deepest").write_text("x" * 5000)
        Path("deepest").chmod(0o600)
    finally:
        os.chdir(home)
    before = descriptors()
    assert "deepest" in names(tmp_path)
    assert disk_usage([tmp_path]).inodes == 31
    assert descriptors() == before
    shutil.rmtree(tmp_path)


def test_it_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LEVELS", 2)
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    before = descriptors()
    assert names(tmp_path) == {"a", "b"}
    assert descriptors() == before


def test_what_goes_meanwhile_is_left_out(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "inner").touch()
    directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        seen = []
        for found in walk(directory):
            seen.append(found.name)
            if len(seen) == 1:
                shutil.rmtree(tmp_path / found.name)
    finally:
        os.close(directory)
    assert sorted(seen) == ["a", "b", "inner"]
