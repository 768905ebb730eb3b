from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from hostpod.volumes.errors import VolumeError
from hostpod.volumes.host_path import open_host_path


def make(path: Path, kind: str) -> None:
    if kind == "directory":
        path.mkdir()
    elif kind == "file":
        path.write_text("content")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "link":
        path.with_name("target").mkdir()
        path.symlink_to("target")


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("", "directory"),
        ("", "file"),
        ("", "socket"),
        ("DirectoryOrCreate", "directory"),
        ("DirectoryOrCreate", "nothing"),
        ("Directory", "directory"),
        ("Directory", "link"),
        ("FileOrCreate", "file"),
        ("FileOrCreate", "nothing"),
        ("File", "file"),
        ("Socket", "socket"),
        ("", "nothing"),
    ],
)
def test_a_path_of_the_right_type_is_taken(tmp_path: Path, type_: str, kind: str) -> None:
    path = tmp_path / "path"
    make(path, kind)
    assert open_host_path(path, type_) == path
    assert path.exists()


@pytest.mark.parametrize(
    ("type_", "kind", "said"),
    [
        ("Directory", "nothing", "does not exist"),
        ("File", "nothing", "does not exist"),
        ("Socket", "nothing", "does not exist"),
        ("CharDevice", "nothing", "does not exist"),
        ("BlockDevice", "nothing", "does not exist"),
        ("Directory", "file", "is not a directory"),
        ("DirectoryOrCreate", "file", "is not a directory"),
        ("File", "directory", "is not a file"),
        ("FileOrCreate", "directory", "is not a file"),
        ("Socket", "file", "is not a socket"),
        ("CharDevice", "file", "is not a character device"),
        ("BlockDevice", "file", "is not a block device"),
    ],
)
def test_a_path_of_another_type_is_named(tmp_path: Path, type_: str, kind: str, said: str) -> None:
    path = tmp_path / "path"
    make(path, kind)
    with pytest.raises(VolumeError) as error:
        open_host_path(path, type_)
    assert str(error.value) == f"hostPath type check failed: {path} {said} (type {type_})"


RIGHT = {
    "Directory": {"directory", "link"},
    "DirectoryOrCreate": {"directory", "link", "nothing"},
    "File": {"file"},
    "FileOrCreate": {"file", "nothing"},
    "Socket": {"socket"},
    "CharDevice": {"/dev/null"},
    "BlockDevice": set[str](),
}


@pytest.mark.parametrize("type_", RIGHT)
@pytest.mark.parametrize("kind", ["directory", "link", "file", "socket", "fifo", "dangling", "nothing", "/dev/null"])
def test_each_type_beside_everything_that_a_path_may_be(tmp_path: Path, type_: str, kind: str) -> None:
    path = Path(kind) if kind.startswith("/") else tmp_path / "path"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "dangling":
            path.symlink_to(tmp_path / "missing" / "target")
        case _ if not kind.startswith("/"):
            make(path, kind)
    if kind in RIGHT[type_]:
        assert open_host_path(path, type_) == path
    else:
        with pytest.raises(VolumeError, match=f"hostPath (type check failed: )?{path}"):
            open_host_path(path, type_)
    assert not (tmp_path / "missing").exists(), "nothing is made where a link leads"


def test_devices() -> None:
    assert open_host_path(Path("/dev/null"), "CharDevice") == Path("/dev/null")
    with pytest.raises(VolumeError, match="is not a block device"):
        open_host_path(Path("/dev/null"), "BlockDevice")


def test_made_directories_have_mode_0755_and_their_parents_are_made(tmp_path: Path) -> None:
    path = open_host_path(tmp_path / "a" / "b", "DirectoryOrCreate")
    assert path.stat().st_mode & 0o777 == 0o755


def test_a_file_is_made_in_a_directory_that_is_there_only(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "file"
    with pytest.raises(VolumeError) as error:
        open_host_path(path, "FileOrCreate")
    assert str(error.value) == f"hostPath {path}: no such file or directory"


def test_what_lies_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VolumeError, match=r"hostPath .*/file/below: not a directory"):
        open_host_path(tmp_path / "file" / "below", "")
