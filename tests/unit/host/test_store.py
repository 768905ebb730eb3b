from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hostpod.host.store import (
    DEPTH_LIMIT,
    StoreError,
    read_json,
    remove_tree,
    write_atomic,
    write_json,
)


@pytest.mark.parametrize("durable", [True, False])
def test_a_write_replaces_the_file_and_leaves_nothing_beside_it(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "record"
    write_atomic(path, b"one", durable=durable)
    write_atomic(path, b"two" * 100_000, durable=durable)
    assert path.read_bytes() == b"two" * 100_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["record"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_crash_left_does_not_disturb_the_next_write(tmp_path: Path) -> None:
    (tmp_path / ".record.tmp").write_bytes(b"half of something longer")
    write_atomic(tmp_path / "record", b"new", durable=False)
    assert (tmp_path / "record").read_bytes() == b"new"


def test_a_refused_write_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^cannot write .*/nowhere/record: no such file or directory$"):
        write_atomic(tmp_path / "nowhere" / "record", b"", durable=False)


def test_json_goes_there_and_back(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "wëb", "ports": [80]}, durable=True)
    assert read_json(tmp_path / "a.json") == {"name": "wëb", "ports": [80]}
    assert read_json(tmp_path / "b.json") is None


def test_json_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(StoreError, match=r"cannot read .*a\.json: not JSON: "):
        read_json(tmp_path / "a.json")
    with pytest.raises(StoreError, match=r"cannot read .*: is a directory"):
        read_json(tmp_path)


def test_a_tree_goes_and_what_its_links_point_at_stays(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("mine")
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "file").write_text("x")
    (tree / "a" / "link").symlink_to(kept)
    os.mkfifo(tree / "a" / "pipe")
    remove_tree(tree)
    assert not tree.exists()
    assert (kept / "file").read_text() == "mine"


def test_a_link_or_file_itself_is_removed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (tmp_path / "link").symlink_to(kept)
    (tmp_path / "file").write_text("x")
    remove_tree(tmp_path / "link")
    remove_tree(tmp_path / "file")
    remove_tree(tmp_path / "absent")
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]


def test_a_tree_deeper_than_paths_can_be_goes(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    descriptor = os.open(tree, os.O_RDONLY)
    for _ in range(DEPTH_LIMIT * 20 + 3):
        os.mkdir("directory-with-a-name", dir_fd=descriptor)
        below = os.open("directory-with-a-name", os.O_RDONLY, dir_fd=descriptor)
        os.mkdir("sibling", dir_fd=descriptor)
        os.close(os.open(".deep-0", os.O_CREAT, dir_fd=descriptor))
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    remove_tree(tree)
    assert not tree.exists()
