from __future__ import annotations

import fcntl
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from hostpod.sources.files import stamp_of
from hostpod.sources.reading import Absent, BeingWritten, Content, Reading, Unreadable, read_manifest


def read(path: Path, *, closed: bool = True, patient: bool = True, max_bytes: int = 100) -> Reading:
    return read_manifest(path, max_bytes=max_bytes, closed=closed, patient=patient)


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x" * 100)
    assert read(file) == Content(data=b"x" * 100, stamp=stamp_of(file.stat()))


def test_a_file_that_somebody_writes_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "a"
    with file.open("w") as writer:
        writer.write("half")
        writer.flush()
        assert read(file) == BeingWritten()
        assert isinstance(read(file, patient=False), Content)
    assert isinstance(read(file), Content)


def test_asking_the_kernel_leaves_no_lease_and_the_signal_alone(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    before = signal.getsignal(signal.SIGIO)
    read(file)
    with file.open("a") as writer:
        writer.write("y")
    assert signal.getsignal(signal.SIGIO) == before


@pytest.mark.parametrize(("closed", "expected"), [(True, Content), (False, BeingWritten)])
def test_where_the_kernel_cannot_tell_it_counts_what_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: bool, expected: type[Reading]
) -> None:
    file = tmp_path / "a"
    file.write_text("x")

    def no_leases(fd: int, command: int, argument: Any = 0) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(fcntl, "fcntl", no_leases)
    assert isinstance(read(file, closed=closed), expected)


def test_a_file_that_changes_while_it_is_read_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a"
    file.write_text("old")
    original = os.read

    def read_slowly(fd: int, length: int) -> bytes:
        file.write_text("newer")
        return original(fd, length)

    monkeypatch.setattr(os, "read", read_slowly)
    assert read(file) == BeingWritten()


def test_an_empty_file_is_no_order(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    found = read(tmp_path / "a")
    assert isinstance(found, Unreadable)
    assert found.reason == "is empty: write a pod, or delete the file to remove its pods"


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x" * 101)
    found = read(tmp_path / "a")
    assert isinstance(found, Unreadable)
    assert found.reason == "is 101 bytes, at most 100 are read (setting manifests.maxBytes)"


def test_special_files_are_told_and_never_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "a FIFO")
    (tmp_path / "a device").symlink_to("/dev/null")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("a socket")
    for name in ("a FIFO", "a device", "a socket"):
        found = read(tmp_path / name)
        assert isinstance(found, Unreadable)
        assert found.reason == f"is {name}, which is not read: put a file in its place, or remove it"
        assert found.stamp == stamp_of((tmp_path / name).stat())


def test_a_directory_is_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    assert read(tmp_path / "directory") == read(tmp_path / "gone") == Absent()


def test_a_file_that_becomes_special_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("x")
    original = os.open

    def swapped(path: Path, flags: int) -> int:
        path.unlink()
        os.mkfifo(path)
        return original(path, flags)

    monkeypatch.setattr(os, "open", swapped)
    found = read(tmp_path / "a")
    assert isinstance(found, Unreadable)
    assert found.reason.startswith("is a FIFO")


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("x")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "dangling").symlink_to("gone")
    (tmp_path / "loop").symlink_to("loop")
    assert isinstance(read(tmp_path / "link"), Content)
    assert read(tmp_path / "dangling") == Unreadable(reason="is a link to a file that does not exist", stamp=None)
    assert read(tmp_path / "loop") == Unreadable(reason="cannot be read: too many levels of symbolic links", stamp=None)


def test_a_link_that_cannot_be_looked_at_is_told_as_what_reading_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(path: Path) -> bool:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "is_symlink", failing)
    assert read(tmp_path / "gone") == Absent()


def test_a_failing_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("x")

    def broken(fd: int, length: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "read", broken)
    assert read(tmp_path / "a") == Unreadable(reason="cannot be read: input/output error", stamp=None)


def test_a_secret_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("x")

    def refused(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)
    assert read(tmp_path / "a") == Unreadable(reason="cannot be read: permission denied", stamp=None)
