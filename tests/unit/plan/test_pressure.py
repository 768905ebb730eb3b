from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hostpod.config.amounts import Threshold
from hostpod.plan.pressure import CONDITIONS, Pressure, Reading, Rule, Short, Signal, changes, next_look_s, observe

MIB = 1 << 20
GIB = 1 << 30
THRESHOLDS: dict[Signal, Threshold] = {
    "memory.available": Threshold.parse("100Mi"),
    "nodefs.available": Threshold.parse("10%"),
    "nodefs.inodesFree": Threshold.parse("5%"),
    "imagefs.available": Threshold.parse("15%"),
    "pid.available": Threshold.parse("2%"),
}
RULE = Rule(thresholds=THRESHOLDS, reclaim=Threshold.parse("0%"))
PLENTY: dict[Signal, Reading] = {
    "memory.available": Reading(available=2 * GIB, capacity=4 * GIB),
    "nodefs.available": Reading(available=500 * GIB, capacity=1000 * GIB),
    "nodefs.inodesFree": Reading(available=60_000_000, capacity=60_000_000),
    "imagefs.available": Reading(available=500 * GIB, capacity=1000 * GIB),
    "pid.available": Reading(available=4_000_000, capacity=4_194_304),
}


def memory(available: int) -> dict[Signal, Reading]:
    return {**PLENTY, "memory.available": Reading(available=available, capacity=4 * GIB)}


class TestShort:
    def test_with_plenty_nothing_is(self) -> None:
        assert observe(Pressure(), PLENTY, RULE, 100.0) == Pressure()

    def test_just_below_the_threshold_something_is(self) -> None:
        assert observe(Pressure(), memory(100 * MIB), RULE, 100.0).short == ()
        assert observe(Pressure(), memory(100 * MIB - 1), RULE, 100.0) == Pressure(
            short=(Short(signal="memory.available", threshold=100 * MIB, available=100 * MIB - 1),),
            seen_at={"MemoryPressure": 100.0},
        )

    def test_what_kills_at_once_comes_first(self) -> None:
        readings = {signal: Reading(available=0, capacity=reading.capacity) for signal, reading in PLENTY.items()}
        short = observe(Pressure(), readings, RULE, 100.0).short
        assert [each.signal for each in short] == [
            "memory.available", "pid.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available",
        ]  # fmt: skip

    def test_what_has_no_threshold_or_that_nobody_can_tell_never_is(self) -> None:
        off = Rule(thresholds={"memory.available": Threshold.parse("0")}, reclaim=Threshold.parse("0%"))
        assert observe(Pressure(), memory(0), off, 100.0).short == ()
        assert observe(Pressure(), {}, RULE, 100.0).short == ()

    def test_what_was_short_must_be_above_its_threshold_by_the_reclaim(self) -> None:
        rule = Rule(thresholds=THRESHOLDS, reclaim=Threshold.parse("5%"))
        short = observe(Pressure(), memory(0), rule, 100.0)
        assert observe(Pressure(), memory(250 * MIB), rule, 101.0).short == ()
        assert observe(short, memory(250 * MIB), rule, 101.0).short != ()
        assert observe(short, memory(310 * MIB), rule, 101.0).short == ()


class TestConditions:
    def test_a_condition_outlasts_what_it_tells_of(self) -> None:
        short = observe(Pressure(), memory(0), RULE, 100.0)
        over = observe(short, PLENTY, RULE, 110.0)
        assert over.short == ()
        assert over.conditions(RULE, 399.0) == {"MemoryPressure"}
        assert over.conditions(RULE, 400.0) == frozenset()

    def test_a_clock_that_was_set_back_ends_it(self) -> None:
        assert observe(Pressure(), memory(0), RULE, 1e9).conditions(RULE, 5.0) == frozenset()

    def test_both_file_systems_mean_one_condition(self) -> None:
        full = Reading(available=0, capacity=GIB)
        seen = observe(Pressure(), {"nodefs.inodesFree": full, "imagefs.available": full}, RULE, 1.0)
        assert seen.conditions(RULE, 1.0) == {"DiskPressure"}

    def test_changes_have_the_kubelet_s_names(self) -> None:
        found = changes(frozenset({"DiskPressure"}), frozenset({"MemoryPressure", "PIDPressure"}))
        assert [(change.reason, change.condition, change.holds) for change in found] == [
            ("NodeHasInsufficientMemory", "MemoryPressure", True),
            ("NodeHasNoDiskPressure", "DiskPressure", False),
            ("NodeHasInsufficientPID", "PIDPressure", True),
        ]
        assert changes(frozenset({"DiskPressure"}), frozenset({"DiskPressure"})) == []


class TestNextLook:
    def test_with_plenty_it_is_far_away(self) -> None:
        assert next_look_s(Pressure(), PLENTY, RULE, 0.0, told=["memory.available"]) == 300.0

    def test_the_less_there_is_the_sooner_it_comes(self) -> None:
        def disk(above_gib: int) -> float:
            nearly = Reading(available=(100 + above_gib) * GIB, capacity=1000 * GIB)
            return next_look_s(Pressure(), {"nodefs.available": nearly}, RULE, 0.0)

        assert [disk(above) for above in (1000, 60, 15, 1, -5)] == [300.0, 60.0, 15.0, 10.0, 10.0]

    def test_memory_that_the_kernel_tells_of_needs_no_look(self) -> None:
        assert next_look_s(Pressure(), memory(MIB), RULE, 0.0, told=["memory.available"]) == 300.0
        assert next_look_s(Pressure(), memory(MIB), RULE, 0.0) == 10.0

    def test_what_need_not_be_left_needs_no_look(self) -> None:
        off = Rule(thresholds={"memory.available": Threshold.parse("0%")}, reclaim=Threshold.parse("0%"))
        assert next_look_s(Pressure(), memory(MIB), off, 0.0) == 300.0

    def test_while_something_is_short_and_when_a_condition_ends(self) -> None:
        short = observe(Pressure(), memory(0), RULE, 100.0)
        assert next_look_s(short, PLENTY, RULE, 100.0) == 10.0
        over = observe(short, PLENTY, RULE, 110.0)
        assert next_look_s(over, PLENTY, RULE, 110.0, told=["memory.available"]) == 290.0


READINGS = st.dictionaries(
    st.sampled_from(sorted(CONDITIONS)),
    st.integers(0, 1000).map(lambda available: Reading(available=available, capacity=1000)),
)
SHARES = st.integers(0, 50).map(lambda percent: Threshold.parse(f"{percent}%"))
RULES = st.builds(
    Rule,
    thresholds=st.dictionaries(st.sampled_from(sorted(CONDITIONS)), SHARES),
    reclaim=SHARES,
    transition_s=st.floats(1, 600),
)


@given(RULES, st.lists(READINGS, max_size=5))
def test_whatever_is_read_a_condition_holds_while_anything_of_it_is_short(
    rule: Rule, history: list[dict[Signal, Reading]]
) -> None:
    pressure = Pressure()
    for now, readings in enumerate(history):
        pressure = observe(pressure, readings, rule, float(now))
        held = pressure.conditions(rule, float(now))
        assert {CONDITIONS[each.signal] for each in pressure.short} <= held
        assert all(readings[each.signal].available == each.available for each in pressure.short)
        assert 10.0 <= next_look_s(pressure, readings, rule, float(now)) <= 300.0


@given(RULES, READINGS, st.floats(0, 1e6))
def test_with_time_and_plenty_every_condition_ends(rule: Rule, readings: dict[Signal, Reading], now: float) -> None:
    short = observe(Pressure(), readings, rule, now)
    full = {signal: Reading(available=1000, capacity=1000) for signal in CONDITIONS}
    over = observe(short, full, rule, now + 1)
    assert over.short == ()
    assert over.conditions(rule, now + 1 + rule.transition_s) == frozenset()
