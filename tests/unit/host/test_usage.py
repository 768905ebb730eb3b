from __future__ import annotations

import os
from pathlib import Path

from hostpod.host.cgroup_layout import Layout
from hostpod.host.usage import DiskUsage, disk_usage, process_count, working_set_bytes


def cgroup(directory: Path, **files: str) -> None:
    (directory / "pod").mkdir(parents=True)
    for name, text in files.items():
        (directory / "pod" / name.replace("__", ".")).write_text(text)


def test_memory_and_processes_on_v2(tmp_path: Path) -> None:
    cgroup(tmp_path, memory__current="5000\n", memory__stat="anon 3000\ninactive_file 1500\n", pids__current="7\n")
    layout = Layout(version="v2", unified=tmp_path)
    assert working_set_bytes(layout, "/pod") == 3500
    assert process_count(layout, "/pod") == 7


def test_memory_and_processes_on_v1(tmp_path: Path) -> None:
    statistics = "inactive_file 1\ntotal_inactive_file 6000\n"
    cgroup(tmp_path / "memory", memory__usage_in_bytes="5000\n", memory__stat=statistics)
    cgroup(tmp_path / "pids", pids__current="3\n")
    layout = Layout(version="v1", controllers={"memory": tmp_path / "memory", "pids": tmp_path / "pids"})
    assert working_set_bytes(layout, "/pod") == 0
    assert process_count(layout, "/pod") == 3


def test_a_cgroup_that_is_gone_or_not_counted_has_nothing(tmp_path: Path) -> None:
    for layout in (Layout(version="v2", unified=tmp_path), Layout(version="v1")):
        assert working_set_bytes(layout, "/gone") == 0
        assert process_count(layout, "/gone") == 0


def test_what_files_take(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_bytes(b"x" * 100_000)
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 30)
    (tmp_path / "link").symlink_to("/usr")
    used = disk_usage([tmp_path, tmp_path / "gone"])
    assert used.inodes == 5
    blocks = sum(os.lstat(tmp_path / name).st_blocks for name in ("a", "a/b", "a/b/file", "sparse", "link"))
    assert used.used_bytes == blocks * 512
    assert 100_000 <= used.used_bytes < 1 << 29


def test_nothing_is_nothing() -> None:
    assert disk_usage([]) == DiskUsage()
