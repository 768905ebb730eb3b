from __future__ import annotations

import os
from pathlib import Path

import pytest

from hostpod.volumes.ownership import give_to_group

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to other groups")
GID = 4321


def test_all_of_it_is_the_group_s(tmp_path: Path) -> None:
    volume, elsewhere = tmp_path / "v", tmp_path / "elsewhere"
    (volume / "sub").mkdir(parents=True)
    (volume / "sub" / "file").touch(mode=0o600)
    elsewhere.touch(mode=0o600)
    (volume / "link").symlink_to(elsewhere)
    volume.chmod(0o777)
    give_to_group(volume, GID)
    assert [(path.stat().st_gid, oct(path.stat().st_mode & 0o7777)) for path in (volume, volume / "sub")] == [
        (GID, "0o2777"),
        (GID, "0o2775"),
    ]
    file = (volume / "sub" / "file").stat()
    assert (file.st_gid, oct(file.st_mode & 0o7777)) == (GID, "0o660")
    assert elsewhere.stat().st_gid != GID, "no link is followed"
    assert elsewhere.stat().st_mode & 0o7777 == 0o600


def test_what_is_the_group_s_already_is_not_looked_through(tmp_path: Path) -> None:
    give_to_group(tmp_path, GID)
    (tmp_path / "later").touch(mode=0o600)
    os.chown(tmp_path / "later", 0, 0)
    give_to_group(tmp_path, GID)
    assert (tmp_path / "later").stat().st_gid == 0
    give_to_group(tmp_path, GID + 1)
    assert (tmp_path / "later").stat().st_gid == GID + 1
