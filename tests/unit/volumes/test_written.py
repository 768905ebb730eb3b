from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from hostpod.volumes.contents import File
from hostpod.volumes.written import write_files


def of(mode: int = 0o644, **contents: str) -> dict[str, File]:
    """Files by path, in which two underscores stand for a slash."""
    return {
        path.replace("__", "/"): File(content=text.encode(), mode=mode, gid=os.getgid())
        for path, text in contents.items()
    }


def shown(directory: Path) -> dict[str, str]:
    """What somebody finds who does not look behind the links."""
    found: dict[str, str] = {}
    for root, directories, names in os.walk(directory, followlinks=True):
        directories[:] = [name for name in directories if not name.startswith("..")]
        found |= {str((Path(root) / name).relative_to(directory)): (Path(root) / name).read_text() for name in names}
    return found


def behind(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir() if each.name.startswith(".."))


def test_files_are_there_with_their_modes(tmp_path: Path) -> None:
    volume = tmp_path / "v"
    assert write_files(volume, of(a="1", sub__b="2") | of(0o400, sub__c="3"))
    assert shown(volume) == {"a": "1", "sub/b": "2", "sub/c": "3"}
    assert [str((volume / name).readlink()) for name in ("a", "sub")] == ["..data/a", "..data/sub"]
    assert [(volume / path).stat().st_mode & 0o7777 for path in ("a", "sub/b", "sub/c", "sub", ".")] == [
        0o644, 0o644, 0o400, 0o755, 0o755,
    ]  # fmt: skip


def test_what_has_not_changed_is_not_touched(tmp_path: Path) -> None:
    write_files(tmp_path, of(a="1"))
    before = behind(tmp_path)
    assert not write_files(tmp_path, of(a="1"))
    assert behind(tmp_path) == before
    assert write_files(tmp_path, of(0o600, a="1")), "another mode is a change"


def test_a_change_comes_at_once_and_nothing_of_before_is_left(tmp_path: Path) -> None:
    write_files(tmp_path, of(a="1", old__x="1"))
    before = behind(tmp_path)
    assert write_files(tmp_path, of(a="2", new__x="2"))
    assert shown(tmp_path) == {"a": "2", "new/x": "2"}
    assert len(behind(tmp_path)) == 2
    assert set(behind(tmp_path)) & set(before) == {"..data"}
    write_files(tmp_path, {})
    assert shown(tmp_path) == {}


def test_readers_never_see_some_of_each(tmp_path: Path) -> None:
    volume = tmp_path / "v"
    write_files(volume, of(a="0", b="0"))
    wrong: list[tuple[str, str]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                a, b = _read_both(volume / "..data")
            except FileNotFoundError:  # removed meanwhile: it was whole until then
                continue
            if a != b:
                wrong.append((a, b))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        write_files(volume, of(a=str(number), b=str(number)))
    done.set()
    reader.join()
    assert wrong == []


def _read_both(directory: Path) -> tuple[str, str]:
    data = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        return _read_at(data, "a"), _read_at(data, "b")
    finally:
        os.close(data)


def _read_at(directory: int, name: str) -> str:
    file = os.open(name, os.O_RDONLY, dir_fd=directory)
    try:
        return os.read(file, 100).decode()
    finally:
        os.close(file)


@pytest.mark.parametrize("left", ["..2026_11_21_00_00_00.1", "..data_tmp"])
def test_what_an_interrupted_change_left_goes(tmp_path: Path, left: str) -> None:
    write_files(tmp_path, of(a="1"))
    if left.endswith("tmp"):
        (tmp_path / left).symlink_to("..nowhere")
    else:
        (tmp_path / left).mkdir()
        (tmp_path / left / "a").write_text("half")
    write_files(tmp_path, of(a="2"))
    assert shown(tmp_path) == {"a": "2"}
    assert left not in behind(tmp_path)


def test_a_link_that_leads_nowhere_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "..data").symlink_to("..gone")
    assert write_files(tmp_path, of(a="1"))
    assert shown(tmp_path) == {"a": "1"}


def test_a_directory_that_a_missing_sub_path_left_gives_way(tmp_path: Path) -> None:
    write_files(tmp_path, of(a="1"))
    for name in ("b", "c"):
        (tmp_path / name).mkdir()
    write_files(tmp_path, of(a="2", b="2"))
    assert shown(tmp_path) == {"a": "2", "b": "2"}
    assert not (tmp_path / "c").exists()
