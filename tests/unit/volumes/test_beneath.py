"""A path inside a volume never leads out of it: not by links, not by "..", not while an attacker swaps them."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hostpod.volumes.beneath import open_beneath, open_or_make_beneath


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    path = tmp_path / "volume"
    path.mkdir()
    path.chmod(0o777)
    (tmp_path / "secret").write_text("the host's")
    return path


@contextmanager
def opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def resolve(volume: Path, path: str, *, make: bool = False) -> Path:
    with opened(volume) as root:
        found = (open_or_make_beneath if make else open_beneath)(root, path)
        try:
            return Path(f"/proc/self/fd/{found}").readlink()
        finally:
            os.close(found)


def test_files_directories_and_links_that_stay_inside(volume: Path) -> None:
    (volume / "releases" / "3").mkdir(parents=True)
    (volume / "releases" / "3" / "app.conf").write_text("x")
    (volume / "current").symlink_to("releases/3")
    (volume / "releases" / "up").symlink_to("../releases/3/app.conf")
    assert resolve(volume, "releases/3") == volume / "releases" / "3"
    assert resolve(volume, "current/app.conf") == volume / "releases" / "3" / "app.conf"
    assert resolve(volume, "releases/up") == volume / "releases" / "3" / "app.conf"


@pytest.mark.parametrize("target", ["/", "/etc", "..", "../secret", "inside/../../secret", "/proc/self/root"])
@pytest.mark.parametrize("path", ["link", "link/below", "inside/../link"])
def test_links_that_lead_out_are_refused(volume: Path, target: str, path: str) -> None:
    (volume / "inside").mkdir()
    (volume / "link").symlink_to(target)
    for make in (False, True):
        with pytest.raises(OSError, match="link") as error:
            resolve(volume, path, make=make)
        assert error.value.errno == errno.EXDEV


@pytest.mark.parametrize("path", ["..", "../secret", "a/../../secret", "/etc"])
def test_paths_that_lead_out_are_refused(volume: Path, path: str) -> None:
    (volume / "a").mkdir()
    with pytest.raises(OSError, match=r".+") as error:
        resolve(volume, path)
    assert error.value.errno == errno.EXDEV


def test_what_is_missing_is_made_with_the_volumes_mode(volume: Path) -> None:
    assert resolve(volume, "a/b/c", make=True) == volume / "a" / "b" / "c"
    assert {(volume / path).stat().st_mode & 0o777 for path in ("a", "a/b", "a/b/c")} == {0o777}
    volume.chmod(0o750)
    resolve(volume, "private", make=True)
    assert (volume / "private").stat().st_mode & 0o777 == 0o750


def test_what_is_there_is_not_changed(volume: Path) -> None:
    (volume / "a").mkdir(mode=0o700)
    (volume / "a" / "file").write_text("x")
    assert resolve(volume, "a/file", make=True) == volume / "a" / "file"
    assert (volume / "a").stat().st_mode & 0o777 == 0o700


def test_missing_directories_are_made_behind_a_link_that_stays_inside(volume: Path) -> None:
    (volume / "releases").mkdir()
    (volume / "current").symlink_to("releases")
    assert resolve(volume, "current/4/data", make=True) == volume / "releases" / "4" / "data"


def test_a_link_to_nothing_is_not_filled_in(volume: Path) -> None:
    (volume / "link").symlink_to("nothing")
    with pytest.raises(FileNotFoundError):
        resolve(volume, "link", make=True)
    assert not (volume / "nothing").exists()


def test_a_file_on_the_way_is_an_error(volume: Path) -> None:
    (volume / "file").write_text("x")
    with pytest.raises(NotADirectoryError):
        resolve(volume, "file/below", make=True)


def test_links_in_a_circle_are_an_error(volume: Path) -> None:
    (volume / "a").symlink_to("b")
    (volume / "b").symlink_to("a")
    with pytest.raises(OSError, match="a") as error:
        resolve(volume, "a", make=True)
    assert error.value.errno == errno.ELOOP


def test_an_attacker_who_swaps_links_for_directories_gains_nothing(volume: Path) -> None:
    outside = volume.parent / "outside"
    (outside / "data").mkdir(parents=True)
    (volume / "evil").symlink_to(outside)
    (volume / "good").mkdir()
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            with suppress(OSError):
                (volume / "a").unlink()
            with suppress(OSError):
                (volume / "evil").rename(volume / "a")
            with suppress(OSError):
                (volume / "a").rename(volume / "evil")
            with suppress(OSError):
                (volume / "good").rename(volume / "a")
            with suppress(OSError):
                (volume / "a").rename(volume / "good")

    attacker = threading.Thread(target=swap)
    attacker.start()
    refused = reached = 0
    try:
        for _ in range(1500):
            try:
                found = resolve(volume, "a/data/deeper", make=True)
            except OSError:
                refused += 1
            else:
                reached += 1
                assert found.is_relative_to(volume)
    finally:
        stop.set()
        attacker.join()
    assert refused + reached == 1500  # how many of each is up to the scheduler
    assert list((outside / "data").iterdir()) == []
