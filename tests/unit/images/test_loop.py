from __future__ import annotations

import errno
from pathlib import Path

import pytest

from hostpod.host import loop as devices
from hostpod.host.mount import MountError
from hostpod.images import loop
from hostpod.images.loop import squashfs_mounts_work


def test_a_host_without_loop_devices_mounts_no_squashfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "CONTROL", tmp_path / "loop-control")
    assert not squashfs_mounts_work(tmp_path)


@pytest.mark.parametrize(
    ("answer", "works"), [(errno.ENOTBLK, True), (errno.ENOENT, True), (errno.ENODEV, False), (errno.EPERM, False)]
)
def test_what_the_kernel_says_of_no_device_tells_whether_it_knows_squashfs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: int, *, works: bool
) -> None:
    def refused(*_: object) -> None:
        raise MountError(answer, "cannot mount")

    monkeypatch.setattr(loop, "probe", lambda: None)
    monkeypatch.setattr(loop, "mount", refused)
    assert squashfs_mounts_work(tmp_path) is works
