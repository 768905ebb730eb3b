from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.config.amounts import Threshold
from hostpod.plan.image_garbage import (
    EVERYTHING,
    Garbage,
    GarbageRule,
    StoredImage,
    freed_bytes,
    image_garbage,
    is_pinned,
    wanted_by_pressure,
    wanted_bytes,
)
from hostpod.plan.pressure import Reading, Rule, Short, Signal

RULE = GarbageRule()
NOW = 10_000.0
FULL = Reading(available=100, capacity=1000)  # 90 % in use: 100 octets are too few for 80 %


def image(name: str, *, used: float = 0.0, came: float = 0.0, kept: bool = False, **layers: int) -> StoredImage:
    return StoredImage(id=name, layers=layers or {name: 100}, came=came, used=used, kept=kept)


def gone(*images: StoredImage, rule: GarbageRule = RULE, disk: Reading | None = FULL, more: int = 0) -> Garbage:
    return image_garbage(images, rule, disk, NOW, more=more)


def test_the_least_recently_used_go_until_there_is_room() -> None:
    garbage = gone(image("new", used=3), image("old", used=1), image("middle", used=2))
    assert garbage == Garbage(going=("old",), frees=100, wanted=100)
    assert gone(image("new", used=3), image("old", used=1, a=60), image("middle", used=2, b=40)).going == (
        "old",
        "middle",
    )


@pytest.mark.parametrize(
    ("available", "capacity", "wanted"),
    [(160, 1000, 0), (159, 1000, 41), (150, 1000, 50), (0, 1000, 200), (0, 0, 0), (1000, 1000, 0)],
)
def test_nothing_is_wanted_below_the_high_threshold_and_all_down_to_the_low_above(
    available: int, capacity: int, wanted: int
) -> None:
    assert wanted_bytes(RULE, Reading(available=available, capacity=capacity)) == wanted
    assert wanted_bytes(GarbageRule(high_percent=100), Reading(available=0, capacity=capacity)) == 0
    assert wanted_bytes(RULE, None) == 0


def test_what_is_kept_or_has_just_come_stays() -> None:
    garbage = gone(image("kept", kept=True), image("young", came=NOW - 119))
    assert garbage == Garbage(going=(), frees=0, wanted=100, wake_at=NOW + 1)


def test_layers_that_others_have_free_nothing() -> None:
    kept = image("kept", kept=True, base=500, top=1)
    assert gone(kept, image("a", used=1, base=500), image("b", used=2, base=500, b=100)).going == ("b",)
    shared = gone(image("a", used=1, base=100), image("b", used=2, base=100), image("c", used=3))
    assert (shared.going, shared.frees) == (("a", "b"), 100), "only together do they free their layer"


def test_an_image_that_was_not_used_for_long_goes_whatever_room_there_is() -> None:
    rule, empty = GarbageRule(maximum_age_s=1000.0), Reading(available=900, capacity=1000)
    garbage = gone(image("old", used=NOW - 1001), image("less", used=NOW - 400), rule=rule, disk=empty)
    assert (garbage.going, garbage.wake_at) == (("old",), NOW + 600)
    young = gone(image("old", used=NOW - 1001, came=NOW), rule=rule, disk=empty)
    assert (young.going, young.wake_at) == ((), NOW + 120)
    kept = gone(image("old", used=0, kept=True), rule=rule, disk=empty)
    assert kept == Garbage()


def test_pressure_asks_for_more() -> None:
    images = [image("a", used=1), image("b", used=2), image("c", used=3)]
    assert gone(*images, disk=None, more=150).going == ("a", "b")
    assert gone(*images, disk=None, more=EVERYTHING).going == ("a", "b", "c")


LAYERS = st.dictionaries(st.sampled_from("abcdefgh"), st.just(0), max_size=4)
IMAGES = st.lists(
    st.builds(
        StoredImage,
        id=st.uuids().map(str),
        layers=LAYERS.map(lambda names: {name: 10 * (ord(name) - 96) for name in names}),
        came=st.floats(0, 2 * NOW),
        used=st.floats(0, 2 * NOW),
        kept=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda each: each.id,
)
RULES = st.builds(
    GarbageRule,
    high_percent=st.integers(51, 100),
    low_percent=st.integers(0, 50),
    minimum_age_s=st.floats(0, NOW),
    maximum_age_s=st.sampled_from([0.0, 100.0, NOW]),
)
DISKS = st.none() | st.builds(Reading, available=st.integers(0, 300), capacity=st.integers(0, 300))


@given(IMAGES, RULES, DISKS, st.sampled_from([0, 0, 50, EVERYTHING]))
def test_never_what_is_needed_never_more_than_needed_and_in_order(
    images: list[StoredImage], rule: GarbageRule, disk: Reading | None, more: int
) -> None:
    garbage = image_garbage(images, rule, disk, NOW, more=more)
    by_id = {each.id: each for each in images}
    going = [by_id[name] for name in garbage.going]
    old = [each for each in going if rule.maximum_age_s and each.used + rule.maximum_age_s <= NOW]
    for_room = going[len(old) :]
    assert not any(each.kept or NOW - each.came < rule.minimum_age_s for each in going)
    assert going[: len(old)] == old
    assert [each.used for each in for_room] == sorted(each.used for each in for_room)
    assert garbage.frees == freed_bytes(images, set(garbage.going))
    if for_room:  # without the last one there would be too little, and each of the others frees something
        assert freed_bytes(images, set(garbage.going[:-1])) < garbage.wanted
        for each in for_room:
            assert freed_bytes(images, set(garbage.going) - {each.id}) < garbage.frees
    if garbage.frees < garbage.wanted:  # nothing that could help was left
        left = {each.id for each in images if not each.kept and each.came + rule.minimum_age_s <= NOW}
        assert freed_bytes(images, left) == garbage.frees
    assert garbage.wake_at is None or garbage.wake_at > NOW


@given(IMAGES, RULES, DISKS)
def test_after_it_went_nothing_goes_until_the_time_that_was_named(
    images: list[StoredImage], rule: GarbageRule, disk: Reading | None
) -> None:
    first = image_garbage(images, rule, disk, NOW)
    left = [each for each in images if each.id not in first.going]
    if disk is not None:
        disk = Reading(available=disk.available + first.frees, capacity=disk.capacity)
    assert image_garbage(left, rule, disk, NOW).going == ()


def pressure(signal: Signal, disk: Reading | None, *, holds_pods: bool = True) -> tuple[frozenset[Signal], int]:
    rule = Rule(thresholds={signal: Threshold.parse("15%")}, reclaim=Threshold.parse("5%"))
    short = Short(signal=signal, threshold=0, available=0)
    return wanted_by_pressure([short], disk, rule, holds_pods=holds_pods)


def test_what_images_help_against() -> None:
    helped: tuple[tuple[Signal, int], ...] = (
        ("imagefs.available", 100), ("nodefs.available", 100), ("imagefs.inodesFree", EVERYTHING),
    )  # fmt: skip
    for signal, wanted in helped:
        assert pressure(signal, FULL) == (frozenset({signal}), wanted)
    nothing: tuple[frozenset[Signal], int] = (frozenset(), 0)
    assert pressure("nodefs.available", FULL, holds_pods=False) == nothing
    assert pressure("nodefs.available", Reading(available=900, capacity=1000)) == nothing, "the logs' disk is short"
    assert pressure("memory.available", FULL) == nothing
    assert pressure("imagefs.available", None) == nothing


@pytest.mark.parametrize(
    ("pattern", "pinned"),
    [
        ("busybox", True),
        ("busybox:1.36", True),
        ("library/busybox", True),
        ("docker.io/library/busybox:*", True),
        ("docker.io/*", True),
        ("*", True),
        ("busybox:1.37", False),
        ("busy", False),
        ("quay.io/*", False),
    ],
)
def test_pinned_names(pattern: str, *, pinned: bool) -> None:
    assert is_pinned(["docker.io/library/busybox:1.36"], ["other", pattern]) == pinned


def test_names_with_ports_and_digests_are_pinned_too() -> None:
    assert is_pinned(["host:5000/web:1"], ["host:5000/web"])
    assert is_pinned(["host:5000/web@sha256:0"], ["host:5000/web"])
    assert not is_pinned(["host:5000/web:1"], ["host"])
    assert not is_pinned(["host:5000/web:1"], [])
    assert is_pinned([], ["*"])
    assert not is_pinned([], ["web"])
