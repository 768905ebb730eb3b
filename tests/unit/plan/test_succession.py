from __future__ import annotations

from typing import Any

from hostpod.kube import Pod
from hostpod.kube.annotations import CONFIG_HASH, REPLACE, REPLACE_DEADLINE
from hostpod.plan.succession import Here, Seating, seat

NOW = 1000.0
KEY = "default/web"


def version(mark: str, *, gated: bool = True, deadline: str | None = None, command: str | None = None) -> Pod:
    annotations = {CONFIG_HASH: mark}
    if gated:
        annotations[REPLACE] = "when-ready"
    if deadline is not None:
        annotations[REPLACE_DEADLINE] = deadline
    containers = [{"name": "c", "image": "img", "command": [command or mark]}]
    meta = {"name": "web", "namespace": "default", "uid": mark, "annotations": annotations}
    return Pod.model_validate({"metadata": meta, "spec": {"containers": containers}})


def here(pod: Pod, key: str = KEY, **changes: Any) -> Here:
    return Here(key=key, pod=pod, **({"admitted_at": 900.0} | changes))


def seats(wish: Pod, *pods: Here, withdrawn: bool = False, now: float = NOW) -> Seating:
    return seat(KEY, wish, pods, withdrawn=withdrawn, now=now)


OLD, NEW = version("a"), version("b")
SECOND = f"{KEY}#b"


def test_where_nothing_is_the_wish_comes() -> None:
    assert seats(NEW) == Seating(places={KEY: "wish"})


def test_the_same_pod_goes_on() -> None:
    assert seats(OLD, here(OLD)) == Seating(places={KEY: "wish"})


def test_without_the_annotation_the_old_one_ends_first() -> None:
    assert seats(version("b", gated=False), here(OLD)) == Seating(places={KEY: "wish"})


def test_the_new_one_starts_beside_the_old_one() -> None:
    assert seats(NEW, here(OLD)) == Seating(places={KEY: "stay", SECOND: "wish"})


def test_both_are_there_until_the_new_one_is_ready() -> None:
    both = (here(OLD), here(NEW, SECOND, admitted_at=990.0))
    assert seats(NEW, *both) == Seating(places={KEY: "stay", SECOND: "wish"}, wake_at=990.0 + 600.0)
    assert seats(NEW, both[0], here(NEW, SECOND, ready=True)) == Seating(places={SECOND: "wish"})


def test_one_that_is_not_ready_in_time_is_withdrawn_and_does_not_come_again() -> None:
    soon = version("b", deadline="5")
    assert seats(soon, here(OLD), here(soon, SECOND, admitted_at=994.0)).wake_at is None
    assert seats(soon, here(OLD), here(soon, SECOND, admitted_at=994.0)) == Seating(
        places={KEY: "stay"}, withdrawn=True
    )
    assert seats(soon, here(OLD), here(soon, SECOND, ends=True), withdrawn=True) == Seating(
        places={KEY: "stay"}, withdrawn=True
    )


def test_one_that_failed_for_good_is_withdrawn_at_once() -> None:
    assert seats(NEW, here(OLD), here(NEW, SECOND, failed=True, done=True)).withdrawn


def test_a_third_version_takes_the_place_of_the_second() -> None:
    third = version("c")
    seating = seats(third, here(OLD), here(NEW, SECOND))
    assert seating.places == {KEY: "stay", f"{KEY}#c": "wish"}


def test_back_to_the_old_version_the_new_one_goes() -> None:
    assert seats(OLD, here(OLD, ready=True), here(NEW, SECOND)) == Seating(places={KEY: "wish"})


def test_an_old_one_that_ends_or_is_done_is_not_waited_for() -> None:
    assert seats(NEW, here(OLD, ends=True), here(NEW, SECOND)) == Seating(places={SECOND: "wish"})
    assert seats(NEW, here(OLD, done=True)) == Seating(places={KEY: "wish"})


def test_what_changes_in_place_needs_no_second_pod() -> None:
    labelled = version("b", command="a")
    assert seats(labelled, here(OLD)) == Seating(places={KEY: "wish"})
