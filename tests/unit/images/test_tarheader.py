from __future__ import annotations

import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.images import tarheader as tar
from hostpod.images.tarheader import TarError
from tests.unit.images.archives import archive, by_name, member

KEYS = st.text(alphabet="abcXYZ.", min_size=1, max_size=30).map(str.encode)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"00000000017\0", 15),
        (b"         17 ", 15),
        (b"\0" * 12, 0),
        (b" " * 12, 0),
        (b"777777777777", 0o777777777777),
        (b"\x80" + bytes(6) + b"\x02" + bytes(4), 2 << 32),
    ],
)
def test_a_size_is_octal_or_binary(field: bytes, value: int) -> None:
    assert tar.number(field) == value


@pytest.mark.parametrize(
    "field",
    [b"\xff" * 12, b"hello world!", b"0x1000000000", b"-0000001000\0", b"+0000001000\0", b"0o00001000\0", b"1_000\0"],
)
def test_a_size_that_is_none_is_refused(field: bytes) -> None:
    with pytest.raises(TarError):
        tar.number(field)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"usr/bin/x", b"usr/bin/x"),
        (b"./usr/bin/", b"usr/bin"),
        (b"/etc//x/./y", b"etc/x/y"),
        (b"./", b""),
        (b"/", b""),
        (b"a/..b/.c/d..", b"a/..b/.c/d.."),
    ],
)
def test_a_name_becomes_a_path_below_the_root(name: bytes, path: bytes) -> None:
    assert tar.normal_path(name) == path


@pytest.mark.parametrize("name", [b"..", b"../x", b"a/../b", b"/a/../../etc/shadow", b"a/.."])
def test_a_name_that_leads_out_is_refused(name: bytes) -> None:
    with pytest.raises(TarError, match="leads out of the image"):
        tar.normal_path(name)


def test_a_name_of_ustar_has_a_prefix() -> None:
    name = "d" * 90 + "/" + "f" * 90
    assert tar.name_of(archive([member(name)], form=tarfile.USTAR_FORMAT)) == name.encode()


@given(st.dictionaries(KEYS, st.binary(max_size=1200)))
def test_pax_records_read_as_they_were_written(records: tar.Records) -> None:
    header = tar.pax_header(records)
    assert len(header) % 512 == 0
    assert tar.parse_pax(header[512:]) == records


@pytest.mark.parametrize("body", [b"x", b"5 a=b", b"99 a=b\n", b"6 abcd\n", b"3 a=b\n", b"-6 a=b\n", b"1 =\n"])
def test_a_broken_pax_record_is_refused(body: bytes) -> None:
    with pytest.raises(TarError):
        tar.parse_pax(body)


def test_new_entries_are_read_by_tarfile() -> None:
    long = b"l" * 90 + b"/" + b"m" * 90
    content = (
        tar.new_entry(long, tar.DIRECTORY, tar.PLAIN_DIRECTORY, {b"SCHILY.xattr.user.a": b"1"})
        + tar.new_entry(b"gone", tar.CHARACTER_DEVICE, tar.WHITEOUT, {})
        + bytes(1024)
    )
    found = by_name(content)
    directory, device = found[long.decode()][0], found["gone"][0]
    assert (directory.isdir(), directory.mode, directory.pax_headers["SCHILY.xattr.user.a"]) == (True, 0o755, "1")
    assert (device.ischr(), device.mode, device.devmajor, device.devminor) == (True, 0, 0, 0)


def test_a_size_beyond_octal_digits_is_written_in_base_256() -> None:
    size = 8 << 30
    assert tar.number(tar.new_header(b"f", tar.REGULAR, tar.PLAIN_DIRECTORY, size=size)[124:136]) == size
    changed = tar.changed(archive([member("f")])[:512], kind=tar.REGULAR, size=size)
    assert len(changed) == tar.BLOCK_BYTES
    assert tarfile.TarInfo.frombuf(changed, "utf-8", "strict").size == size


@pytest.mark.parametrize("value", [b"", b"-1", b"1e3", "\u0661".encode(), b"9" * 5000])
def test_a_number_in_a_record_that_is_none_is_refused(value: bytes) -> None:
    with pytest.raises(TarError):
        tar.decimal(value)


def test_a_path_that_nobody_could_open_is_refused() -> None:
    assert len(tar.normal_path(b"a/" * 2048)) == 4095
    with pytest.raises(TarError, match="more than 4096 bytes"):
        tar.normal_path(b"a/" * 2049)


def test_a_changed_header_has_the_right_checksum() -> None:
    content = archive([member("x", tarfile.CONTTYPE, b"hello")])
    ((info, body),) = by_name(tar.changed(content[:512], kind=tar.REGULAR, size=5) + content[512:]).values()
    assert (info.type, body) == (tar.REGULAR, b"hello")
