from __future__ import annotations

import os
from pathlib import Path

from hostpod.host.left import inodes_left, memory_left, on_one_file_system, processes_left, space_left


def proc(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        path = directory / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


def test_memory_that_can_be_had(tmp_path: Path) -> None:
    text = "MemTotal:        4096 kB\nMemFree:          100 kB\nMemAvailable:    1024 kB\n"
    assert memory_left(proc(tmp_path, meminfo=text)) == (1024 * 1024, 4096 * 1024)


def test_processes_that_can_be_made_by_both_bounds(tmp_path: Path) -> None:
    files = {"loadavg": "0.10 0.20 0.30 2/345 6789\n", "sys__kernel__pid_max": "4194304\n"}
    assert processes_left(proc(tmp_path, **files, **{"sys__kernel__threads-max": "1000\n"})) == (655, 1000)
    assert processes_left(proc(tmp_path, **{"sys__kernel__threads-max": "300\n"})) == (0, 300)


def test_what_is_left_of_file_systems(tmp_path: Path) -> None:
    size = os.statvfs(tmp_path)
    space, inodes = space_left([tmp_path, tmp_path / "gone"]), inodes_left([tmp_path])
    assert space is not None
    assert space[1] == size.f_blocks * size.f_frsize
    assert inodes is None or inodes[1] == size.f_files
    assert space_left([tmp_path / "gone"]) is None
    assert inodes_left([]) is None


def test_the_file_system_that_has_least_of_its_own_left_counts() -> None:
    places = [path for path in (Path("/"), Path("/dev/shm"), Path("/proc")) if path.is_dir()]
    shares = [left[0] / max(left[1], 1) for path in places if (left := space_left([path]))]
    least = space_left(places)
    assert least is not None
    assert abs(least[0] / max(least[1], 1) - min(shares)) < 0.1  # others write meanwhile


def test_file_systems_are_told_apart(tmp_path: Path) -> None:
    assert on_one_file_system(tmp_path, tmp_path / "..")
    assert not on_one_file_system(tmp_path, Path("/proc"))
