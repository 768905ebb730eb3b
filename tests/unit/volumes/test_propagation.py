from __future__ import annotations

from pathlib import Path

import pytest

from hostpod.host.mountinfo import parse_mountinfo
from hostpod.volumes.propagation import can_propagate, mount_of, propagation_of

ENTRIES = parse_mountinfo(
    "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "21 20 8:2 / /srv rw shared:5 - ext4 /dev/sda2 rw\n"
    "22 21 8:3 / /srv/data rw master:7 - ext4 /dev/sda3 rw\n"
    "23 22 8:4 / /srv/data rw shared:8 master:7 - ext4 /dev/sda4 rw\n"
    "24 21 8:5 / /srv/slave rw master:9 - ext4 /dev/sda5 rw\n"
)


@pytest.mark.parametrize(
    ("path", "mount_id"),
    [("/", 20), ("/srvx", 20), ("/srv", 21), ("/srv/other/file", 21), ("/srv/data/x", 23), ("/srv/slave", 24)],
)
def test_the_deepest_and_topmost_mount_counts(path: str, mount_id: int) -> None:
    found = mount_of(Path(path), ENTRIES)
    assert found is not None
    assert found.mount_id == mount_id


def test_without_mounts_there_is_none() -> None:
    assert mount_of(Path("/x"), ()) is None


@pytest.mark.parametrize(
    ("path", "private", "slave", "shared"),
    [("/x", True, False, False), ("/srv/x", True, True, True), ("/srv/slave", True, True, False)],
)
def test_what_a_mount_can_do(path: str, *, private: bool, slave: bool, shared: bool) -> None:
    entry = mount_of(Path(path), ENTRIES)
    assert can_propagate(entry, "private") is private
    assert can_propagate(entry, "slave") is slave
    assert can_propagate(entry, "shared") is shared
    assert not can_propagate(None, "slave")


def test_kubernetes_words() -> None:
    words = (None, "None", "HostToContainer", "Bidirectional")
    assert [propagation_of(word) for word in words] == ["private", "private", "slave", "shared"]
