from __future__ import annotations

from pathlib import Path

from hostpod.host.mountinfo import parse_mountinfo, unescape

TEXT = (
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
    "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n"
    "40 27 0:30 / /srv/a\\040b\\011c\\134d rw - tmpfs  rw,size=4k\n"
    "41 27 0:4 net:[4026532179] /run/ns/net rw - nsfs nsfs rw\n"
    "42 27 0:50 / /run/root rw - overlay sha256:abc rw,lowerdir=/l/1:/l/2,upperdir=/u\\040v,workdir=/w\n"
)


def test_every_field_is_read() -> None:
    entry = parse_mountinfo(TEXT)[1]
    assert (entry.mount_id, entry.parent_id, entry.device) == (36, 35, "98:0")
    assert (entry.root, entry.target) == ("/mnt1", Path("/mnt2"))
    assert entry.options == ("rw", "noatime")
    assert entry.propagation == ("master:1", "shared:7")
    assert (entry.fstype, entry.source) == ("ext3", "/dev/root")
    assert entry.super_options == ("rw", "errors=continue")


def test_no_optional_field_is_no_propagation() -> None:
    assert parse_mountinfo(TEXT)[0].propagation == ()


def test_a_name_may_have_what_elsewhere_ends_a_line() -> None:
    odd = "50 27 0:31 / /home/a\r\x0b\x0c\x1c\x85\u2028b rw - fuse.x x rw\n"
    assert str(parse_mountinfo(odd + TEXT)[0].target) == "/home/a\r\x0b\x0c\x1c\x85\u2028b"


def test_octal_escapes_and_an_empty_source() -> None:
    entry = parse_mountinfo(TEXT)[2]
    assert entry.target == Path("/srv/a b\tc\\d")
    assert entry.source == ""
    assert entry.super_options == ("rw", "size=4k")


def test_a_namespace_shows_its_number_as_root() -> None:
    assert parse_mountinfo(TEXT)[3].root == "net:[4026532179]"


def test_options_are_unescaped() -> None:
    assert parse_mountinfo(TEXT)[4].super_options[2] == "upperdir=/u v"


def test_empty_text_is_no_mounts() -> None:
    assert parse_mountinfo("\n") == ()


def test_unescape_leaves_what_is_not_octal() -> None:
    assert unescape("a\\9b") == "a\\9b"
    assert unescape("\\043\\012") == "#\n"
