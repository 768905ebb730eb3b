from __future__ import annotations

import os
from pathlib import Path

import pytest

from hostpod.volumes import VolumeError
from hostpod.volumes.reading import LARGEST_BYTES, read_text_in


def test_a_text_in_a_volume(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "app.env").write_text("A='é'\n")
    (tmp_path / "link").symlink_to("a/app.env")
    assert read_text_in(tmp_path, "a/app.env") == read_text_in(tmp_path, "link") == "A='é'\n"
    assert read_text_in(tmp_path, "none") is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("out", "invalid cross-device link|leads out"),
        ("directory", "not a file"),
        ("pipe", "not a file"),
        ("large", f"more than {LARGEST_BYTES} bytes"),
        ("binary", "no text in UTF-8"),
    ],
)
def test_what_is_no_text_or_not_in_it_is_said_and_nothing_waits(tmp_path: Path, name: str, words: str) -> None:
    volume = tmp_path / "v"
    (volume / "directory").mkdir(parents=True)
    (tmp_path / "secret").write_text("x")
    (volume / "out").symlink_to("../secret")
    os.mkfifo(volume / "pipe")
    (volume / "large").write_bytes(b"x" * (LARGEST_BYTES + 1))
    (volume / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(VolumeError, match=rf"^cannot read {name}: ({words})"):
        read_text_in(volume, name)
