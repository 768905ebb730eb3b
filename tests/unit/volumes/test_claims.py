"""Directories of claims: made once with their mode, and never reached through a link. Binds are shown as root."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hostpod.volumes import VolumeError
from hostpod.volumes.claims import Claim, claims_in, opened_claim


def where(root: Path, namespace: str = "default", name: str = "data") -> Path:
    with opened_claim(root, Claim(namespace=namespace, name=name)) as found:
        return Path(f"/proc/self/fd/{found}").readlink()


def test_it_is_made_on_demand_and_found_again(tmp_path: Path) -> None:
    root = tmp_path / "claims"
    assert where(root) == root / "default" / "data"
    assert [oct(path.stat().st_mode & 0o777) for path in (root, root / "default", where(root))] == [
        "0o700",
        "0o700",
        "0o777",
    ]
    (root / "default" / "data").chmod(0o750)
    where(root)
    assert (root / "default" / "data").stat().st_mode & 0o777 == 0o750, "what is there is not changed"


def test_what_an_earlier_daemon_began_is_finished(tmp_path: Path) -> None:
    (tmp_path / "default" / ".data.new").mkdir(parents=True, mode=0o700)
    assert where(tmp_path).stat().st_mode & 0o777 == 0o777
    assert claims_in(tmp_path) == [Claim(namespace="default", name="data")]


def test_two_pods_that_ask_at_once_have_the_same(tmp_path: Path) -> None:
    def inode(number: int) -> int:
        with opened_claim(tmp_path, Claim(namespace="default", name=f"c{number // 8}")) as found:
            return os.fstat(found).st_ino

    with ThreadPoolExecutor(8) as threads:
        inodes = list(threads.map(inode, range(160)))
    assert len(set(inodes)) == 20
    assert sorted(set(inodes)) == sorted(path.stat().st_ino for path in (tmp_path / "default").iterdir())


@pytest.mark.parametrize("link", ["default", "default/data"])
def test_no_link_is_followed(tmp_path: Path, link: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "data").mkdir(parents=True)
    root = tmp_path / "claims"
    (root / link).parent.mkdir(parents=True, exist_ok=True)
    (root / link).symlink_to(elsewhere)
    with pytest.raises(VolumeError, match=r"claims/default/data: is a symbolic link, which is not followed here"):
        where(root)


def test_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "data").touch()
    with pytest.raises(VolumeError, match=r"default/data: not a directory"):
        where(tmp_path)


@pytest.mark.parametrize("name", ["", ".", "..", "../etc", "a/b", ".hidden"])
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    for claim in ({"name": name}, {"namespace": name}):
        with pytest.raises(VolumeError, match="cannot be the name of a directory of claims"):
            where(tmp_path, **claim)


def test_all_that_there_are(tmp_path: Path) -> None:
    assert claims_in(tmp_path / "none") == []
    for path in ("b/one", "a/two", "a/.three.new", ".snapshots/x"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "a" / "link").symlink_to("/etc")
    (tmp_path / "file").touch()
    assert claims_in(tmp_path) == [Claim(namespace="a", name="two"), Claim(namespace="b", name="one")]
