from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hostpod.host.devices import device_at, host_devices


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_nodes_below_a_directory(tmp_path: Path) -> None:
    for name, kind, number in (
        ("null", stat.S_IFCHR, (1, 3)),
        ("loop7", stat.S_IFBLK, (7, 7)),
        ("net/tun", stat.S_IFCHR, (10, 200)),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        os.mknod(tmp_path / name, 0o600 | kind, os.makedev(*number))
    (tmp_path / "pts").mkdir()
    os.mknod(tmp_path / "pts" / "0", 0o600 | stat.S_IFCHR, os.makedev(136, 0))
    (tmp_path / "link").symlink_to("loop7")
    (tmp_path / "text").write_text("x")
    assert [(each["path"], each["type"], each["major"], each["minor"]) for each in host_devices(tmp_path)] == [
        (f"{tmp_path}/loop7", "b", 7, 7),
        (f"{tmp_path}/net/tun", "c", 10, 200),
    ]
    assert host_devices(tmp_path)[0]["fileMode"] == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_one_device_by_its_path_or_by_a_link(tmp_path: Path) -> None:
    os.mknod(tmp_path / "real", 0o640 | stat.S_IFCHR, os.makedev(1, 5))
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "text").write_text("x")
    found = device_at(tmp_path / "link")
    assert found is not None
    assert (found["path"], found["major"], found["minor"], found["fileMode"]) == (f"{tmp_path}/link", 1, 5, 0o640)
    assert device_at(tmp_path / "text") is None
    assert device_at(tmp_path / "gone") is None
