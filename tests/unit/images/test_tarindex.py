from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.images import tarindex
from hostpod.images.tarheader import TarError
from hostpod.images.tarindex import index_tar
from tests.unit.images.archives import FORMATS, archive, member

NAMES = st.lists(st.text("abc/é", min_size=1, max_size=120), max_size=5)


def indexed(content: bytes, path: Path) -> dict[str, bytes]:
    path.write_bytes(content)
    with path.open("rb") as file:
        found = index_tar(file)
    return {name: content[place.offset : place.offset + place.size_bytes] for name, place in found.items()}


@pytest.mark.parametrize("form", FORMATS)
def test_files_are_found_whatever_form_their_headers_have(tmp_path: Path, form: int) -> None:
    long = "/".join(["directory"] * 14 + ["x" * 60])
    files = [member("a", content=b"1"), member("./b/c", content=bytes(513)), member(long, content=b"long")]
    if form != tarfile.USTAR_FORMAT:
        files.append(member("y" * 300, content=b"longer"))
    found = indexed(archive(files, form=form), tmp_path / "a")
    assert (found["a"], found["b/c"]) == (b"1", bytes(513))
    assert found[long] == b"long"
    assert len(found) == len(files)


@given(NAMES, st.sampled_from(FORMATS[1:]))
def test_what_the_standard_library_finds_is_found(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], form: int
) -> None:
    content = archive([member(f"f{name}", content=name.encode()) for name in names], form=form)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        expected = {"/".join(filter(None, info.name.split("/"))) for info in tar}
    assert set(indexed(content, tmp_path_factory.getbasetemp() / "any")) == expected


def test_the_last_of_a_path_counts_and_a_link_is_no_file(tmp_path: Path) -> None:
    members = [member("a", content=b"1"), member("a", content=b"2"), member("b"), member("b", b"2", linkname="a")]
    assert indexed(archive(members), tmp_path / "a") == {"a": b"2"}


def test_an_archive_without_an_end_is_read(tmp_path: Path) -> None:
    assert indexed(archive([member("a", content=b"1")])[:1024], tmp_path / "a") == {"a": b"1"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is no tar archive"),
        (b"x" * 1000, "it is no tar archive"),
        (archive([member("a", content=bytes(1000))])[:1024], "it is cut off"),
        (archive([member("a", content=bytes(1000))])[:600], "it is cut off"),
        (archive([member("a" * 2_000_000)]), "an extension header is too long"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(TarError, match=message):
        indexed(content, tmp_path / "a")


def test_entries_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarindex, "ENTRIES_LIMIT", 2)
    with pytest.raises(TarError, match="more than 2 entries"):
        indexed(archive([member("a"), member("b"), member("c")]), tmp_path / "a")
