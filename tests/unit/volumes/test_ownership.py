from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from hostpod.host.store import remove_tree
from hostpod.volumes.ownership import Group, give_to_group, group_of
from tests.unit.plan.build import pod

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to other groups")
GID = 4321


def test_all_of_it_is_the_group_s(tmp_path: Path) -> None:
    volume, elsewhere = tmp_path / "v", tmp_path / "elsewhere"
    (volume / "sub").mkdir(parents=True)
    (volume / "sub" / "file").touch(mode=0o600)
    elsewhere.touch(mode=0o600)
    (volume / "link").symlink_to(elsewhere)
    volume.chmod(0o777)
    give_to_group(volume, Group(gid=GID))
    assert [(path.stat().st_gid, oct(path.stat().st_mode & 0o7777)) for path in (volume, volume / "sub")] == [
        (GID, "0o2777"),
        (GID, "0o2775"),
    ]
    file = (volume / "sub" / "file").stat()
    assert (file.st_gid, oct(file.st_mode & 0o7777)) == (GID, "0o660")
    assert elsewhere.stat().st_gid != GID, "no link is followed"
    assert elsewhere.stat().st_mode & 0o7777 == 0o600


def test_what_is_the_group_s_already_is_not_looked_through(tmp_path: Path) -> None:
    give_to_group(tmp_path, Group(gid=GID))
    (tmp_path / "later").touch(mode=0o600)
    os.chown(tmp_path / "later", 0, 0)
    give_to_group(tmp_path, Group(gid=GID))
    assert (tmp_path / "later").stat().st_gid == 0
    give_to_group(tmp_path, Group(gid=GID + 1))
    assert (tmp_path / "later").stat().st_gid == GID + 1


def test_what_a_pod_makes_of_its_own_volume_stays(tmp_path: Path) -> None:
    own = Group(gid=GID, own=True)
    (tmp_path / "key").touch(mode=0o600)
    give_to_group(tmp_path, own)
    tmp_path.chmod(0o700)
    (tmp_path / "key").chmod(0o600)
    give_to_group(tmp_path, own)
    assert [oct(path.stat().st_mode & 0o7777) for path in (tmp_path, tmp_path / "key")] == ["0o700", "0o600"]


def test_directories_nested_without_end_are_given_too(tmp_path: Path) -> None:
    home = Path.cwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1200):
            os.mkdir("d")  # noqa: PTH102 - no path is as long
            os.chdir("d")
    finally:
        os.chdir(home)
    give_to_group(tmp_path, Group(gid=GID))
    assert (tmp_path / "d" / "d").stat().st_gid == GID
    remove_tree(tmp_path / "d")  # too deep for what Python has for it


def test_always_looks_through_all_of_it(tmp_path: Path) -> None:
    give_to_group(tmp_path, Group(gid=GID))
    (tmp_path / "later").touch(mode=0o600)
    os.chown(tmp_path / "later", 0, 0)
    give_to_group(tmp_path, Group(gid=GID, always=True))
    assert (tmp_path / "later").stat().st_gid == GID


def test_which_group_and_how() -> None:
    def told(**context: object) -> Group | None:
        return group_of(pod(securityContext=context))

    assert group_of(pod()) is None
    assert told(runAsUser=1) is None
    assert told(fsGroup=GID) == told(fsGroup=GID, fsGroupChangePolicy="Always") == Group(gid=GID, always=True)
    assert told(fsGroup=GID, fsGroupChangePolicy="OnRootMismatch") == Group(gid=GID)


def test_who_swaps_files_for_links_meanwhile_gains_nothing(tmp_path: Path) -> None:
    volume, elsewhere = tmp_path / "v", tmp_path / "elsewhere"
    volume.mkdir()
    elsewhere.touch(mode=0o600)
    (volume / "evil").symlink_to(elsewhere)
    (volume / "good").touch(mode=0o600)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for other in ("good", "evil"):
                (volume / other).rename(volume / "a")
                (volume / "a").rename(volume / other)

    attacker = threading.Thread(target=swap)
    attacker.start()
    try:
        for _ in range(1000):
            give_to_group(volume, Group(gid=GID, always=True))
    finally:
        stop.set()
        attacker.join()
    assert (elsewhere.stat().st_gid, elsewhere.stat().st_mode & 0o777) == (0, 0o600)
