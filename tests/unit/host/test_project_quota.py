"""Where the file system counts nothing; tests/vm/test_project_quota.py has one that does."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from hostpod.host import project_quota
from hostpod.host.project_quota import give_project, projects_usage


def test_a_file_system_without_projects_is_left_alone(tmp_path: Path) -> None:
    if projects_usage(tmp_path) is not None:
        pytest.skip("the directory for tests has a project of its own")
    give_project(tmp_path)
    give_project(Path("/dev/shm"))
    (tmp_path / "file").write_bytes(b"text")
    give_project(tmp_path)
    for path in (tmp_path, Path("/proc/sys"), tmp_path / "none"):
        assert projects_usage(path, [path / "part"]) is None


def test_what_is_no_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("link", "none"):
        with pytest.raises(OSError, match="directory") as caught:
            give_project(tmp_path / name)
        assert caught.value.errno in (errno.ENOTDIR, errno.ELOOP, errno.ENOENT)


def test_the_structures_are_the_kernel_s() -> None:
    """linux/fs.h: struct fsxattr; linux/quota.h: struct if_dqblk, to the end of its alignment."""
    assert (project_quota._ATTRIBUTES.size, project_quota._QUOTA.size) == (28, 72)
