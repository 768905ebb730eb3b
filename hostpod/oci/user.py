"""Who a container's process is: the pod's words, else the image's USER, by the passwd and group files of the image.

The rules of USER are Docker's: `user`, `uid`, `user:group`, `uid:gid`. A name must be in the file, a number need not.
The other groups of a user count only when no group is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from hostpod.kube import Container, Pod, PodSecurityContext
from hostpod.oci.security import of_container
from hostpod.oci.values import SpecError, User

T = TypeVar("T")

LARGEST_ID = (1 << 31) - 1


def container_user(pod: Pod, container: Container, image_user: str, passwd: str, group: str) -> User:
    """The user with all groups. SpecError for a name that the image does not have, and for root where none may be.

    `supplementalGroupsPolicy: Strict` leaves out the groups that the image has for its user.
    """
    of_pod, own = pod.spec.security_context or PodSecurityContext(), of_container(container)
    uid, gid = _first(own.run_as_user, of_pod.run_as_user), _first(own.run_as_group, of_pod.run_as_group)
    user = resolve_user(image_user if uid is None else str(uid), passwd, group)
    if _first(own.run_as_non_root, of_pod.run_as_non_root) and user.uid == 0:
        raise SpecError(_root_refusal(uid, image_user))
    primary = user.gid if gid is None else gid
    of_image = () if of_pod.supplemental_groups_policy == "Strict" else user.additional_gids
    asked = (*of_pod.supplemental_groups, *(() if of_pod.fs_group is None else (of_pod.fs_group,)))
    others = (each for each in of_image if gid is None or each != user.gid)
    return User(uid=user.uid, gid=primary, additional_gids=tuple(dict.fromkeys((primary, *others, *asked))))


def _root_refusal(uid: int | None, image_user: str) -> str:
    if uid is not None:
        return "container's runAsUser breaks non-root policy: runAsNonRoot is true and runAsUser is 0"
    who = f'user "{image_user}", who is root' if image_user else "root"
    return f"container has runAsNonRoot and image will run as {who}: set runAsUser"


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)


def resolve_user(user: str, passwd: str, group: str) -> User:
    """Numbers for an image's USER; empty is root. Raises SpecError for an unknown name."""
    name, separator, group_name = user.partition(":")
    uid, gid, login = _user(name or "0", passwd)
    if separator and group_name:
        gid = _group(group_name, group)
        others: tuple[int, ...] = ()
    else:
        others = tuple(_groups_of(login, group)) if login else ()
    return User(uid=uid, gid=gid, additional_gids=tuple(dict.fromkeys((gid, *others))))


def _user(wanted: str, passwd: str) -> tuple[int, int, str]:
    """uid, gid and login name; a number that is not in the file has group 0 and no name."""
    for fields in _lines(passwd, 4):
        uid, gid = _number(fields[2]), _number(fields[3])
        if wanted in (fields[0], fields[2]) and uid is not None and gid is not None:
            return uid, gid, fields[0]
    uid = _number(wanted)
    if uid is None:
        raise SpecError(f'the image runs as user "{wanted}", and its /etc/passwd has no such user')
    return uid, 0, ""


def _group(wanted: str, group: str) -> int:
    for fields in _lines(group, 3):
        gid = _number(fields[2])
        if wanted in (fields[0], fields[2]) and gid is not None:
            return gid
    gid = _number(wanted)
    if gid is None:
        raise SpecError(f'the image runs with group "{wanted}", and its /etc/group has no such group')
    return gid


def _groups_of(login: str, group: str) -> Iterator[int]:
    for fields in _lines(group, 4):
        gid = _number(fields[2])
        if gid is not None and login in fields[3].split(","):
            yield gid


def _lines(text: str, fields: int) -> Iterator[list[str]]:
    for line in text.splitlines():
        found = line.strip().split(":")
        if len(found) >= fields and not line.startswith("#"):
            yield found


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()):
        return None
    number = int(text) if len(text) <= 10 else LARGEST_ID + 1
    if number > LARGEST_ID:
        raise SpecError(f"user and group ids lie between 0 and {LARGEST_ID}, not {text[:40]}")
    return number
