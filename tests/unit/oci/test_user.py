from __future__ import annotations

from typing import Any

import pytest

from hostpod.oci import SpecError, User, container_user
from hostpod.oci.user import resolve_user
from tests.unit.oci.samples import pod

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


def user(image: str, of_pod: dict[str, Any], own: dict[str, Any]) -> User:
    subject = pod({"name": "c", "image": "i", "securityContext": own}, securityContext=of_pod)
    return container_user(subject, subject.spec.containers[0], image, PASSWD, GROUP)


@pytest.mark.parametrize(
    ("of_pod", "own", "uid", "gids"),
    [
        ({}, {}, 33, (34, 4, 44)),
        ({"runAsUser": 1000}, {}, 1000, (0,)),
        ({"runAsUser": 1000}, {"runAsUser": 33}, 33, (34, 4, 44)),
        ({"runAsUser": 1000, "runAsGroup": 3000}, {}, 1000, (3000,)),
        ({"runAsGroup": 3000}, {}, 33, (3000, 4, 44)),
        (
            {"runAsUser": 1000, "runAsGroup": 3000, "supplementalGroups": [4, 5]},
            {"runAsGroup": 3001},
            1000,
            (3001, 4, 5),
        ),
        ({"supplementalGroups": [7], "fsGroup": 8}, {}, 33, (34, 4, 44, 7, 8)),
        ({"supplementalGroups": [7], "supplementalGroupsPolicy": "Merge"}, {}, 33, (34, 4, 44, 7)),
        ({"supplementalGroups": [7, 8], "fsGroup": 8, "supplementalGroupsPolicy": "Strict"}, {}, 33, (34, 7, 8)),
        ({"runAsNonRoot": True}, {}, 33, (34, 4, 44)),
        ({"runAsNonRoot": True, "runAsUser": 0}, {"runAsNonRoot": False}, 0, (0,)),
    ],
)
def test_the_pod_s_words_come_before_the_image_s(
    of_pod: dict[str, Any], own: dict[str, Any], uid: int, gids: tuple[int, ...]
) -> None:
    assert user("web", of_pod, own) == User(uid=uid, gid=gids[0], additional_gids=gids)


@pytest.mark.parametrize(
    ("image", "of_pod", "words"),
    [
        ("", {"runAsNonRoot": True}, "container has runAsNonRoot and image will run as root: set runAsUser"),
        (
            "root:web",
            {"runAsNonRoot": True},
            'container has runAsNonRoot and image will run as user "root:web", who is root: set runAsUser',
        ),
        (
            "web",
            {"runAsNonRoot": True, "runAsUser": 0},
            "container's runAsUser breaks non-root policy: runAsNonRoot is true and runAsUser is 0",
        ),
    ],
)
def test_root_where_none_may_be_is_refused(image: str, of_pod: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError) as refused:
        user(image, of_pod, {})
    assert str(refused.value) == words
