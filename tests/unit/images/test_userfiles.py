from __future__ import annotations

import os
from pathlib import Path

import pytest

from hostpod.images import read_user_files

PASSWD = "web:x:33:33::/:\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "outside").write_text("secret")
    return tmp_path / "root"


def test_the_files_are_read(root: Path) -> None:
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_bytes(b"staff:x:7:\xff\n")
    assert read_user_files(root) == (PASSWD, "staff:x:7:\ufffd\n")


def test_what_is_not_there_is_empty(root: Path) -> None:
    assert read_user_files(root) == ("", "")
    (root / "etc").rmdir()
    assert read_user_files(root) == ("", "")


@pytest.mark.parametrize("link", ["/accounts", "../accounts", "../../../../accounts"])
def test_a_link_is_followed_as_in_the_container(root: Path, link: str) -> None:
    (root / "accounts").write_text(PASSWD)
    (root / "etc/passwd").symlink_to(link)
    assert read_user_files(root)[0] == PASSWD


def test_a_link_does_not_lead_out(root: Path) -> None:
    (root / "etc/passwd").symlink_to("../../outside")
    (root / "etc/group").symlink_to("/proc/self/environ")
    assert read_user_files(root) == ("", "")


def test_a_whole_directory_may_be_a_link(root: Path) -> None:
    (root / "etc").rename(root / "real")
    (root / "etc").symlink_to("/real")
    (root / "real/passwd").write_text(PASSWD)
    assert read_user_files(root)[0] == PASSWD


def test_what_is_no_file_is_empty_and_nobody_waits(root: Path) -> None:
    os.mkfifo(root / "etc/passwd")
    (root / "etc/group").mkdir()
    assert read_user_files(root) == ("", "")
