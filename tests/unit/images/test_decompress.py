from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from hostpod.images.decompress import decompressor
from hostpod.images.errors import ImagePullError


def chosen(path: Path, content: bytes) -> tuple[str, ...] | None:
    (path / "blob").write_bytes(content)
    return decompressor(path / "blob")


def installed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr("hostpod.images.decompress.shutil.which", lambda name: name if name in names else None)


@pytest.mark.parametrize("fastest", ["igzip", "pigz", "gzip"])
def test_gzip_is_unpacked_by_the_fastest_that_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fastest: str
) -> None:
    installed(monkeypatch, *{"igzip": ["igzip", "pigz", "gzip"], "pigz": ["pigz", "gzip"], "gzip": ["gzip"]}[fastest])
    assert chosen(tmp_path, gzip.compress(b"x")) == (fastest, "-d", "-c")


@pytest.mark.parametrize("magic", [b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"\x5e\x2a\x4d\x18"])
def test_zstd_is_unpacked_by_zstd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, magic: bytes) -> None:
    installed(monkeypatch, "zstd")
    command = chosen(tmp_path, magic + b"...")
    assert command is not None
    assert command[0] == "zstd"


@pytest.mark.parametrize("content", [b"", b"etc/passwd\0\0", b"\x1f"])
def test_anything_else_is_a_plain_archive(tmp_path: Path, content: bytes) -> None:
    assert chosen(tmp_path, content) is None


def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    with pytest.raises(ImagePullError, match="it cannot be unpacked: install zstd"):
        chosen(tmp_path, b"\x28\xb5\x2f\xfd")
