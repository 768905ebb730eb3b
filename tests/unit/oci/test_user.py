from __future__ import annotations

import pytest

from hostpod.oci import SpecError, User, resolve_user

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
# a comment: x:1:1
broken
web:x:33:34:web:/var/www:/bin/false
odd:x:many:34::/:/bin/sh
"""
GROUP = """\
root:x:0:
web:x:34:
adm:x:4:syslog,web
short
video:x:44:web
"""


@pytest.mark.parametrize(
    ("user", "uid", "gids"),
    [
        ("", 0, (0,)),
        ("root", 0, (0,)),
        ("web", 33, (34, 4, 44)),
        ("33", 33, (34, 4, 44)),
        ("1000", 1000, (0,)),
        ("1000:1001", 1000, (1001,)),
        ("web:adm", 33, (4,)),
        ("web:44", 33, (44,)),
        ("web:", 33, (34, 4, 44)),
        (":adm", 0, (4,)),
        ("2147483647", 2147483647, (0,)),
    ],
)
def test_names_and_numbers(user: str, uid: int, gids: tuple[int, ...]) -> None:
    assert resolve_user(user, PASSWD, GROUP) == User(uid=uid, gid=gids[0], additional_gids=gids)


def test_an_image_without_the_files_runs_as_root_or_a_number() -> None:
    assert resolve_user("", "", "") == User()
    assert resolve_user("7:8", "", "") == User(uid=7, gid=8, additional_gids=(8,))


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("nobody", 'the image runs as user "nobody", and its /etc/passwd has no such user'),
        ("odd", 'the image runs as user "odd", and its /etc/passwd has no such user'),
        ("web:wheel", 'the image runs with group "wheel", and its /etc/group has no such group'),
        ("-1", 'the image runs as user "-1", and its /etc/passwd has no such user'),
        ("2147483648", "user and group ids lie between 0 and 2147483647, not 2147483648"),
        ("1:99999999999999999999", "user and group ids lie between 0 and 2147483647, not 99999999999999999999"),
    ],
)
def test_what_is_not_there_is_said(user: str, words: str) -> None:
    with pytest.raises(SpecError) as refused:
        resolve_user(user, PASSWD, GROUP)
    assert str(refused.value) == words
