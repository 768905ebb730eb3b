from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.images.overlay_tar import OverlayTar, RepeatedPathError
from hostpod.images.repeats import RepeatsFinder
from hostpod.images.tarheader import TarError
from hostpod.images.tarwalk import TarWalk
from tests.unit.images.archives import FORMATS, archive, by_name, directory, member, old_sparse

OPAQUE = "SCHILY.xattr.trusted.overlay.opaque"
Members = list[tuple[tarfile.TarInfo, bytes]]


def rewritten(members: Iterable[tuple[tarfile.TarInfo, bytes]], *, form: int = tarfile.PAX_FORMAT) -> bytes:
    content = archive(members, form=form)
    overlay = OverlayTar()
    return passed(content, overlay)


def passed(content: bytes, overlay: OverlayTar) -> bytes:
    walk = TarWalk(overlay.decide)
    out = b"".join(walk.feed(content))
    walk.check_end()
    return out + b"".join(overlay.tail())


def read(members: Members, *, form: int = tarfile.PAX_FORMAT) -> Mapping[str, tuple[tarfile.TarInfo, bytes]]:
    return by_name(rewritten(members, form=form))


def is_whiteout(info: tarfile.TarInfo) -> bool:
    return info.ischr() and (info.devmajor, info.devminor) == (0, 0)


def is_opaque(info: tarfile.TarInfo) -> bool:
    return info.isdir() and info.pax_headers.get(OPAQUE) == "y"


@pytest.mark.parametrize("form", FORMATS)
def test_files_pass_and_directories_come_last(form: int) -> None:
    members = [directory("etc", mode=0o700, uid=7), member("etc/passwd", content=b"root"), directory("usr")]
    found = read(members, form=form)
    assert list(found) == ["etc/passwd", "etc", "usr"]
    assert found["etc/passwd"][1] == b"root"
    assert (found["etc"][0].mode, found["etc"][0].uid, found["etc"][0].mtime) == (0o700, 7, 1_700_000_000)


def test_a_whiteout_becomes_a_device() -> None:
    found = read([directory("etc"), member("etc/.wh.passwd"), member(".wh.root"), member(f"{'d' * 99}/.wh.{'n' * 99}")])
    assert set(found) == {"etc", "etc/passwd", "root", f"{'d' * 99}/{'n' * 99}"}
    assert all(is_whiteout(found[name][0]) for name in found if name != "etc")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_an_opaque_directory_is_marked_wherever_the_mark_stands(order: tuple[int, ...]) -> None:
    members = [directory("etc", mode=0o750), member("etc/.wh..wh..opq"), member("etc/new", content=b"1")]
    found = read([members[number] for number in order])
    assert set(found) == {"etc", "etc/new"}
    assert is_opaque(found["etc"][0])
    assert found["etc"][0].mode == 0o750


def test_an_opaque_directory_without_an_entry_gets_one() -> None:
    found = read([member("a/b/.wh..wh..opq"), member("a/b/c")])
    assert is_opaque(found["a/b"][0])
    assert (found["a/b"][0].mode, set(found)) == (0o755, {"a/b", "a/b/c"})


def test_a_directory_that_takes_the_place_of_another_is_opaque() -> None:
    found = read([member(".wh.a"), directory("a"), member("b/c"), member(".wh.b"), member("d/e/f"), member(".wh.d")])
    assert {name for name, (info, _) in found.items() if is_opaque(info)} == {"a", "b", "d"}
    assert not any(is_whiteout(info) for info, _ in found.values())


def test_a_file_that_takes_the_place_of_another_is_just_a_file() -> None:
    found = read([member(".wh.a"), member("a", content=b"new"), member("b", content=b"2"), member(".wh.b")])
    assert {name: body for name, (_, body) in found.items()} == {"a": b"new", "b": b"2"}


def test_what_aufs_left_is_left_out() -> None:
    assert set(read([member(".wh..wh.aufs"), directory(".wh..wh.plnk"), member("x")])) == {"x"}


@pytest.mark.parametrize("name", [".wh.", "a/.wh..", ".wh..."])
def test_a_whiteout_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(TarError, match="takes away what has no name"):
        rewritten([member(name)])


@pytest.mark.parametrize("name", ["../x", "a/../../etc/shadow"])
def test_an_entry_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(TarError, match="leads out"):
        rewritten([member(name)])


def test_attributes_of_files_and_directories_are_kept() -> None:
    attributes = {"SCHILY.xattr.security.capability": "\x01", "SCHILY.xattr.user.x": "y"}
    found = read(
        [member("f", pax_headers=attributes), directory("d", pax_headers=attributes), member("d/.wh..wh..opq")]
    )
    assert attributes.items() <= found["f"][0].pax_headers.items()
    assert (attributes | {OPAQUE: "y"}).items() <= found["d"][0].pax_headers.items()


def test_an_archive_cannot_speak_to_overlayfs() -> None:
    hostile = {OPAQUE: "y", "SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.user.x": "y"}
    found = read([member("f", content=b"1", pax_headers=hostile), directory("d", pax_headers=hostile)])
    assert found["f"][0].pax_headers == found["d"][0].pax_headers == {"SCHILY.xattr.user.x": "y"}
    assert found["f"][1] == b"1"


def test_gnu_and_pax_headers_of_one_entry_become_one() -> None:
    long = "l" * 150
    gnu = archive([member(long, tarfile.SYMTYPE, linkname=long)], form=tarfile.GNU_FORMAT)
    pax = archive([member("x", pax_headers={"SCHILY.xattr.user.x": "y"})])[:1024]
    found = by_name(passed(gnu[:2048] + pax + gnu[2048:], OverlayTar()))
    info = found[long][0]
    assert (info.linkname, info.pax_headers["SCHILY.xattr.user.x"]) == (long, "y")


def test_a_directory_of_old_archives_is_a_directory() -> None:
    content = bytearray(archive([member("old", mode=0o711)], form=tarfile.USTAR_FORMAT))
    content[3:4] = b"/"
    assert by_name(passed(bytes(content), OverlayTar()))["old"][0].isdir()


def test_a_contiguous_file_becomes_a_regular_one() -> None:
    found = read([member("contiguous", tarfile.CONTTYPE, b"1"), member("next")])
    assert (found["contiguous"][0].type, found["contiguous"][1]) == (tarfile.REGTYPE, b"1")


def test_a_link_has_no_content_whatever_its_size_says() -> None:
    info, _ = member("link", tarfile.LNKTYPE, linkname="file")
    info.size = 700
    content = info.tobuf(tarfile.USTAR_FORMAT) + archive([member("file", content=b"1")])
    found = by_name(passed(content, OverlayTar()))
    assert (found["link"][0].size, found["file"][1]) == (0, b"1")


@pytest.mark.parametrize(
    "members",
    [
        [member("a", content=b"1"), member("./a", content=b"2")],
        [member("a"), directory("a")],
        [directory("a"), member("a")],
    ],
)
def test_a_path_that_comes_twice_is_noticed(members: Members) -> None:
    with pytest.raises(RepeatedPathError):
        rewritten(members)


def unpacked_in_order(
    members: Members, *, form: int = tarfile.PAX_FORMAT
) -> Mapping[str, tuple[tarfile.TarInfo, bytes]]:
    content = archive(members, form=form)
    finder = RepeatsFinder()
    assert b"".join(TarWalk(finder.decide).feed(content)) == b""
    return by_name(passed(content, OverlayTar(finder.found())))


def test_the_later_of_two_entries_counts() -> None:
    members = [member("a", content=b"1"), member("b"), member("a", content=b"2"), directory("c"), member("c")]
    found = unpacked_in_order(members)
    assert {name: body for name, (_, body) in found.items()} == {"a": b"2", "b": b"", "c": b""}
    assert found["c"][0].isreg()


def test_a_file_in_a_directorys_place_takes_what_was_below_it() -> None:
    members = [directory("a"), directory("a/b"), member("a/b/c"), member("a"), member("d/e"), member("d")]
    assert set(unpacked_in_order(members)) == {"a", "d"}
    with pytest.raises(RepeatedPathError):
        rewritten([member("d/e"), member("d")])


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("long", ["", f"{'l' * 90}/{'m' * 60}/"])
def test_a_hard_link_keeps_what_its_target_was(form: int, long: str) -> None:
    link, hard = f"{long}link", {"kind": tarfile.LNKTYPE}
    members = [
        member(f"{long}a", content=b"first", mode=0o600),
        member(link, **hard, linkname=f"{long}a"),
        member("second", **hard, linkname=link),
        member(f"{long}a", content=b"new"),
        member("third", **hard, linkname=f"{long}a"),
        member("nowhere", **hard, linkname="later"),
        member("later"),
    ]
    found = unpacked_in_order(members, form=form)
    assert (found[link][1], found[link][0].mode, found[f"{long}a"][1]) == (b"first", 0o600, b"new")
    links = {name: info.linkname for name, (info, _) in found.items() if info.islnk()}
    assert links == {"second": link, "third": f"{long}a", "nowhere": "later"}


@pytest.mark.parametrize("target", ["../../etc/passwd", "a/../../b", "", "."])
def test_a_hard_link_leads_nowhere_else(target: str) -> None:
    with pytest.raises(TarError, match=r"leads out of the image|hard link to its root"):
        rewritten([member("f"), member("h", tarfile.LNKTYPE, linkname=target)])


def test_nothing_is_taken_away_below_what_is_opaque() -> None:
    marks = [member("a/.wh..wh..opq"), member("a/.wh.x"), member("a/b/.wh.y"), member("c/.wh.z")]
    assert set(read(marks)) == {"a", "c/z"}


@pytest.mark.parametrize(
    "name", ["SCHILY.xattr.trusted.overlay.redirect", "LIBARCHIVE.xattr.trusted.overlay.opaque",
             "SCHILY.xattr.system.posix_acl_access"],
)  # fmt: skip
def test_an_archive_has_no_say_in_overlayfs_and_no_attribute_that_has_no_place(name: str) -> None:
    kept = {"SCHILY.xattr.user.a": "1", "SCHILY.xattr.trusted.b": "2", "SCHILY.xattr.security.c": "3"}
    found = read([member("f", pax_headers={name: "y", **kept}), directory("d", pax_headers={name: "y", **kept})])
    assert all(found[path][0].pax_headers == kept for path in ("f", "d"))


@pytest.mark.parametrize("pieces", [[(0, 3), (9_000_000_000, 5)], [(each * 1000, 1) for each in range(60)]])
@pytest.mark.parametrize("records", [{}, {"path": "n" * 300, "SCHILY.xattr.user.a": "1"}])
def test_an_old_sparse_file_becomes_one_of_today(pieces: list[tuple[int, int]], records: dict[str, str]) -> None:
    body = b"".join(bytes([65 + number % 20]) * length for number, (_, length) in enumerate(pieces))
    content = old_sparse("sparse", pieces, size=10_000_000_000, content=body, records=records)
    overlay = OverlayTar()
    walk = TarWalk(overlay.decide)
    out = b"".join(walk.feed(content)) + b"".join(overlay.tail())
    assert walk.holes_bytes == 10_000_000_000 - len(body)
    with tarfile.open(fileobj=io.BytesIO(out)) as tar:
        (info,) = tar
    assert (info.name, info.size) == (records.get("path", "sparse"), 10_000_000_000)
    found: list[tuple[int, int]] = list(info.sparse or [])  # type: ignore[arg-type]
    assert [each for each in found if each[1]] == pieces
    assert info.pax_headers.get("SCHILY.xattr.user.a") == records.get("SCHILY.xattr.user.a")
    assert body in out


def test_a_map_of_a_sparse_file_has_an_end() -> None:
    content = old_sparse("s", [(each, 1) for each in range(50_000)], size=50_000, content=b"x" * 50_000)
    with pytest.raises(TarError, match="map of a sparse file is too long"):
        TarWalk(OverlayTar().decide).feed(content)


def test_the_later_of_two_directories_counts() -> None:
    assert read([directory("d", mode=0o700), directory("d/", mode=0o711)])["d"][0].mode == 0o711


def test_the_root_may_have_an_entry_but_only_as_a_directory() -> None:
    assert read([directory("./", mode=0o711)])[""][0].mode == 0o711
    with pytest.raises(TarError, match="root is no directory"):
        rewritten([member("./", tarfile.SYMTYPE, linkname="x")])


NAMES = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map("/".join)
MARKS = st.sampled_from([".wh.a", ".wh.b", ".wh..wh..opq"])


@given(
    names=st.lists(NAMES, unique=True, max_size=6), marks=st.lists(MARKS, unique=True), form=st.sampled_from(FORMATS)
)
def test_no_path_comes_out_twice_and_no_whiteout_stays(names: list[str], marks: list[str], form: int) -> None:
    inner = {name[:end] for name in names for end in range(1, len(name)) if name[end] == "/"}
    members = [directory(name) if name in inner else member(name) for name in names]
    members += [member(f"{where}{mark}") for mark in marks for where in ("", *(f"{name}/" for name in sorted(inner)))]
    found = read(members, form=form)
    assert not [name for name in found if ".wh." in name]
    assert set(names) <= found.keys()
    assert {name for name, (info, _) in found.items() if info.isdir()} <= inner | {""}
    if ".wh..wh..opq" in marks:
        assert all(is_opaque(found[name][0]) for name in inner)


@pytest.mark.parametrize(
    "members",
    [
        [directory(f"{'a/' * 1500}{number}") for number in range(40)] + [member(".wh.gone")],
        [directory(f"d{number}", pax_headers={"SCHILY.xattr.user.x": "x" * 60_000}) for number in range(4)],
        [member(f"{'a' * 90}/{number}/.wh.gone") for number in range(3000)],
    ],
)
def test_what_is_remembered_of_an_archive_has_an_end(members: Members, monkeypatch: pytest.MonkeyPatch) -> None:
    assert passed(archive(members), OverlayTar())
    monkeypatch.setattr("hostpod.images.held.LIMIT_BYTES", 100_000)
    with pytest.raises(TarError, match="its paths and attributes take more than"):
        passed(archive(members), OverlayTar())


def test_what_is_remembered_of_links_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hostpod.images.held.LIMIT_BYTES", 10_000)
    links = [member(f"{'a/' * 100}{number}", tarfile.LNKTYPE, linkname="f") for number in range(100)]
    with pytest.raises(TarError, match="its paths and attributes take more than"):
        TarWalk(RepeatsFinder().decide).feed(archive([member("f"), *links]))


@given(
    st.lists(st.sampled_from(["a", "b/", "l", ".wh.a"]), min_size=1, max_size=4),
    st.integers(0, 3),
    st.integers(0, 511),
    st.binary(min_size=1, max_size=12),
)
def test_a_header_of_any_bytes_is_read_or_refused(names: list[str], which: int, at: int, junk: bytes) -> None:
    """It is never an exception of another kind, and it never goes on for ever."""
    members = [directory(name) if name.endswith("/") else member(name, content=b"x" * 600) for name in names]
    content = bytearray(archive(members, form=tarfile.USTAR_FORMAT))
    place = min(which, len(names) - 1) * 512 + at
    content[place : place + len(junk)] = junk
    with suppress(TarError, RepeatedPathError):
        passed(bytes(content), OverlayTar())
