from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.config.amounts import Threshold
from hostpod.kube.priority import CRITICAL
from hostpod.kube.quantity import Quantity
from hostpod.plan.eviction import (
    ContainerUsage,
    StorageUsage,
    Usage,
    eviction_message,
    may_come_again,
    next_measure_s,
    ranked,
    storage_message,
)
from hostpod.plan.pressure import Resource, Rule, Short

MIB = 1 << 20
RULE = Rule(thresholds={}, reclaim=Threshold.parse("0%"), transition_s=300.0)


def usage(key: str, used: int, requested: int = 0, priority: int = 0) -> Usage:
    return Usage(key=key, used=used, requested=requested, priority=priority)


@pytest.mark.parametrize(
    ("resource", "usages", "order"),
    [
        ("memory", [usage("in", 90, 100), usage("over", 20, 10)], ["over", "in"]),
        ("memory", [usage("dear", 90, 0, priority=5), usage("cheap", 10, 0)], ["cheap", "dear"]),
        ("memory", [usage("dear", 90, 0, priority=5), usage("cheap", 10, 20)], ["dear", "cheap"]),
        ("memory", [usage("little", 30, 20), usage("much", 90, 10)], ["much", "little"]),
        ("memory", [usage("near", 90, 100), usage("far", 10, 100)], ["near", "far"]),
        ("ephemeral-storage", [usage("in", 90, 100), usage("over", 20, 10)], ["over", "in"]),
        ("pids", [usage("few", 3), usage("many", 90), usage("dear", 500, priority=1)], ["many", "few", "dear"]),
        ("inodes", [usage("few", 3), usage("many", 90)], ["many", "few"]),
        ("memory", [usage("b", 5), usage("a", 5)], ["a", "b"]),
    ],
)
def test_who_goes_first(resource: Resource, usages: list[Usage], order: list[str]) -> None:
    assert [each.key for each in ranked(usages, resource)] == order


def test_critical_pods_and_those_whose_end_frees_nothing_never_go() -> None:
    assert ranked([usage("critical", 90, priority=CRITICAL), usage("idle", 0)], "memory") == []


def test_the_message_is_the_kubelet_s() -> None:
    short = Short(signal="memory.available", threshold=100 * MIB, available=51_200 * 1024)
    pod = Usage(
        key="default/web",
        priority=0,
        used=300 * MIB,
        requested=50 * MIB,
        containers=(
            ContainerUsage(name="main", used=280 * MIB - 1, requested=50 * MIB),
            ContainerUsage(name="small", used=20 * MIB, requested=30 * MIB),
        ),
    )
    assert eviction_message(short, pod) == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. "
        "Container main was using 280Mi, request is 50Mi, has larger consumption of memory. "
    )


def test_what_is_counted_is_told_as_a_number() -> None:
    short = Short(signal="nodefs.inodesFree", threshold=5000, available=12)
    assert eviction_message(short, usage("default/web", 9)) == (
        "The node was low on resource: inodes. Threshold quantity: 5000, available: 12. "
    )


def test_a_pod_comes_again_when_no_condition_holds_and_its_time_is_over() -> None:
    assert not may_come_again(100.0, frozenset(), RULE, 399.0)
    assert may_come_again(100.0, frozenset(), RULE, 400.0)
    assert not may_come_again(100.0, frozenset({"DiskPressure"}), RULE, 900.0)


USAGES = st.lists(
    st.builds(
        Usage,
        key=st.text("abc", min_size=1, max_size=3),
        priority=st.sampled_from([0, 1, CRITICAL]),
        used=st.integers(0, 100),
        requested=st.integers(0, 100),
    ),
    unique_by=lambda each: each.key,
)


@given(USAGES, st.sampled_from(["memory", "pids", "ephemeral-storage", "inodes"]))
def test_nobody_goes_while_another_has_less_right_to_stay(usages: list[Usage], resource: Resource) -> None:
    order = ranked(usages, resource)
    assert {each.key for each in order} == {each.key for each in usages if each.used and each.priority < CRITICAL}
    for first, second in pairwise(order):
        within = resource in ("memory", "ephemeral-storage") and first.used <= first.requested
        if within:
            assert second.used <= second.requested
        same = resource in ("pids", "inodes") or (first.used > first.requested) == (second.used > second.requested)
        if same:
            assert first.priority <= second.priority


@pytest.mark.parametrize(
    ("usages", "message"),
    [
        ([], None),
        ([("", 10, "10"), ("web", 10, "10")], None),
        ([("", 11 * MIB, "10Mi")], "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. "),
        (
            [("", 9 * MIB, "10Mi"), ("web", 6 * MIB, "5Mi")],
            'Container web exceeded its local ephemeral storage limit "5Mi". ',
        ),
    ],
)
def test_who_has_more_on_disk_than_it_may(usages: list[tuple[str, int, str]], message: str | None) -> None:
    found = [StorageUsage(name=name, used=used, limit=Quantity.parse(limit)) for name, used, limit in usages]
    assert storage_message(found) == message


@pytest.mark.parametrize(("took_s", "wait_s"), [(0.0, 10.0), (0.5, 10.0), (1.0, 19.0), (60.0, 1140.0)])
def test_what_takes_long_to_measure_is_measured_less_often(took_s: float, wait_s: float) -> None:
    assert next_measure_s(took_s, 10.0) == pytest.approx(wait_s)
