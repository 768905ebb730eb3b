from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.images.tarheader import TarError, changed
from hostpod.images.tarwalk import Entry, TarWalk, Verdict
from tests.unit.images.archives import FORMATS, archive, by_name, member

LONG = "a" * 120 + "/" + "b" * 120


def walked(content: bytes, decide: Any, *, step: int = 1 << 20) -> bytes:
    walk = TarWalk(decide)
    out = bytearray()
    for position in range(0, len(content), step):
        for piece in walk.feed(content[position : position + step]):
            out += piece
    walk.check_end()
    return bytes(out)


def keep(entry: Entry) -> Verdict:
    return Verdict.KEEP


def drop(names: Iterable[str]) -> Any:
    return lambda entry: Verdict.DROP if entry.name.decode() in names else Verdict.KEEP


def noting(seen: list[Entry]) -> Any:
    def decide(entry: Entry) -> Verdict:
        seen.append(entry)
        return Verdict.DROP

    return decide


MEMBERS = [
    member("plain", content=b"x" * 700),
    member("empty"),
    member("exact", content=b"y" * 512),
    member("link", tarfile.LNKTYPE, linkname="plain"),
    member("sym", tarfile.SYMTYPE, linkname="somewhere"),
    member("dir", tarfile.DIRTYPE),
    member("fifo", tarfile.FIFOTYPE),
]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("step", [1, 7, 511, 512, 513, 4096])
def test_an_archive_that_is_kept_is_the_same_up_to_its_end(form: int, step: int) -> None:
    long = (
        []
        if form == tarfile.USTAR_FORMAT
        else [member(LONG, content=b"z"), member("s", tarfile.SYMTYPE, linkname=LONG)]
    )
    content = archive(MEMBERS + long, form=form)
    assert content.startswith(walked(content, keep, step=step))
    assert by_name(walked(content, keep, step=step) + bytes(1024)).keys() == by_name(content).keys()


@given(
    form=st.sampled_from((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)),
    sizes=st.lists(st.tuples(st.integers(0, 1500), st.booleans(), st.booleans()), max_size=12),
    step=st.integers(1, 3000),
)
def test_what_is_dropped_goes_with_all_that_belongs_to_it(
    form: int, sizes: list[tuple[int, bool, bool]], step: int
) -> None:
    members = [member(f"{i}{LONG if long else ''}", content=bytes([i]) * n) for i, (n, long, _) in enumerate(sizes)]
    gone = {info.name for (info, _), (_, _, dropped) in zip(members, sizes, strict=True) if dropped}
    left = by_name(walked(archive(members, form=form), drop(gone), step=step) + bytes(1024))
    assert {name: body for name, (_, body) in left.items()} == {
        info.name: body for info, body in members if info.name not in gone
    }


def test_an_entry_is_described_with_its_extension_headers() -> None:
    seen: list[Entry] = []
    attributes = {"SCHILY.xattr.user.a": "b"}
    content = archive([member(LONG, content=b"12345", pax_headers=attributes), member("next")])
    assert walked(content, noting(seen)) == b""
    assert [(entry.number, entry.name.decode(), entry.size) for entry in seen] == [(0, LONG, 5), (1, "next", 0)]
    assert seen[0].extension.pax[b"SCHILY.xattr.user.a"] == b"b"
    assert not seen[1].extension.raw


def test_gnu_long_names_and_links_are_read() -> None:
    seen: list[Entry] = []
    content = archive([member(LONG, tarfile.SYMTYPE, linkname=LONG * 2)], form=tarfile.GNU_FORMAT)
    walked(content, noting(seen))
    assert (seen[0].name.decode(), seen[0].extension.long_link) == (LONG, (LONG * 2).encode())


def test_new_headers_stand_before_the_same_content() -> None:
    content = archive([member("a", tarfile.CONTTYPE, b"hello"), member("b", content=b"x")])

    def decide(entry: Entry) -> Verdict | bytes:
        return changed(entry.header, kind=b"0", size=entry.size) if entry.kind == b"7" else Verdict.KEEP

    found = by_name(walked(content, decide) + bytes(1024))
    assert {name: (info.type, body) for name, (info, body) in found.items()} == {
        "a": (b"0", b"hello"),
        "b": (b"0", b"x"),
    }


def test_a_size_in_a_pax_header_counts() -> None:
    content = archive([member("big", content=b"x" * 1000, pax_headers={"size": "1000"}), member("after")])
    lying = content[:1024] + changed(content[1024:1536], kind=b"0", size=0) + content[1536:]
    assert list(by_name(walked(lying, keep) + bytes(1024))) == ["big", "after"]


def sparse(blocks: int) -> bytes:
    """A GNU sparse file of two bytes of content, with this many blocks of its map behind the header."""
    header = bytearray(archive([member("sparse", b"S", b"hi")], form=tarfile.GNU_FORMAT)[:512])
    header[482] = 1 if blocks else 0
    maps = [bytes(504) + bytes([number < blocks - 1]) + bytes(7) for number in range(blocks)]
    return changed(bytes(header), kind=b"S", size=2) + b"".join(maps) + b"hi" + bytes(510)


@pytest.mark.parametrize("blocks", [0, 1, 3])
@pytest.mark.parametrize("step", [100, 512, 5000])
def test_a_sparse_map_belongs_to_its_file(blocks: int, step: int) -> None:
    content = sparse(blocks) + archive([member("after", content=b"x")])
    assert content.startswith(walked(content, keep, step=step))
    assert list(by_name(walked(content, drop({"sparse"}), step=step) + bytes(1024))) == ["after"]


def test_what_cannot_be_stored_is_dropped_and_counted() -> None:
    seen: list[Entry] = []
    content = archive([member("volume", b"V", b"label"), member("file", content=b"x")], form=tarfile.GNU_FORMAT)
    walked(content, noting(seen))
    assert [entry.number for entry in seen] == [1]


def test_global_pax_headers_are_dropped() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "c" * 600}) as tar:
        tar.addfile(member("x")[0])
    assert b"comment" not in walked(out.getvalue(), keep)
    assert list(by_name(walked(out.getvalue(), keep) + bytes(1024))) == ["x"]


@pytest.mark.parametrize("cut", [100, 512, 600, 1023])
def test_an_archive_that_is_cut_off_is_refused(cut: int) -> None:
    content = archive([member("x", content=b"1" * 600)])
    with pytest.raises(TarError, match="ends in the middle"):
        walked(content[:cut], keep)


def test_an_archive_without_an_end_is_read_to_its_last_entry() -> None:
    content = archive([member("x", content=b"1" * 600)])[: 512 + 1024]
    assert walked(content, keep) == content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a tar archive".ljust(1024, b"!"), "it is no tar archive"),
        (archive([member("x", pax_headers={"comment": "c" * 2_000_000})]), "extension header is too long"),
        (archive([member("x", pax_headers={"size": "many"})]), "a size that is no number"),
    ],
)
def test_what_is_no_archive_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(TarError, match=message):
        walked(content, keep)


@given(st.binary(max_size=3000))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with suppress(TarError):
        walked(content, keep, step=700)
