from __future__ import annotations

from itertools import pairwise
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.kube import Container, Probe
from hostpod.plan.probing import (
    ProbeCount,
    ProbeKind,
    after,
    before_first,
    first_wait_s,
    is_decided,
    next_wait_s,
    probe_of,
    share_of,
    tick_at,
    wanted_now,
)

KINDS: tuple[ProbeKind, ...] = ("startup", "liveness", "readiness")


def results(kind: ProbeKind, probe: Probe, said: str, passing: bool | None = None) -> list[bool | None]:
    """The result after each probe; `+` is a good one."""
    count = before_first(kind, passing=passing)
    shown = list[bool | None]()
    for sign in said:
        count = after(count, probe, ok=sign == "+")
        shown.append(count.passing)
    return shown


def test_which_probe_is_meant() -> None:
    probes = [Probe(period_seconds=number) for number in (1, 2, 3)]
    container = Container(name="c", startup_probe=probes[0], liveness_probe=probes[1], readiness_probe=probes[2])
    assert [probe_of(container, kind) for kind in KINDS] == probes


@pytest.mark.parametrize(
    ("hook_over", "started", "ends", "kinds"),
    [
        (False, False, False, ()),
        (True, False, False, ("startup",)),
        (True, False, True, ()),
        (True, True, False, ("liveness", "readiness")),
        (True, True, True, ("readiness",)),
    ],
)
def test_which_probes_run(hook_over: bool, started: bool, ends: bool, kinds: tuple[ProbeKind, ...]) -> None:
    container = Container(name="c", startup_probe=Probe(), liveness_probe=Probe(), readiness_probe=Probe())
    assert wanted_now(container, hook_over=hook_over, started=started, ends=ends) == kinds


def test_a_container_without_probes_is_not_asked() -> None:
    assert wanted_now(Container(name="c"), hook_over=True, started=True, ends=False) == ()


@pytest.mark.parametrize(("kind", "passing"), [("startup", None), ("liveness", True), ("readiness", False)])
def test_what_holds_before_the_first_probe(kind: ProbeKind, passing: bool | None) -> None:
    assert before_first(kind).passing is passing


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("passing", [True, False])
def test_what_an_earlier_daemon_knew_holds(kind: ProbeKind, passing: bool) -> None:
    assert before_first(kind, passing=passing) == ProbeCount(passing=passing)


def test_three_failures_and_one_success_unless_it_says_otherwise() -> None:
    assert results("readiness", Probe(), "--+---+") == [False, False, True, True, True, False, True]
    assert results("liveness", Probe(), "--+--+---") == [True] * 8 + [False]
    assert results("startup", Probe(), "--+") == [None, None, True]
    assert results("startup", Probe(), "---") == [None, None, False]


def test_thresholds_of_the_manifest() -> None:
    probe = Probe(success_threshold=2, failure_threshold=1)
    assert results("readiness", probe, "+-++-") == [False, False, False, True, False]
    assert results("liveness", probe, "-") == [False]


def test_a_ready_container_does_not_flicker_after_a_restart_of_the_daemon() -> None:
    assert results("readiness", Probe(), "--", passing=True) == [True, True]
    assert results("readiness", Probe(success_threshold=2), "+", passing=True) == [True]


@given(st.text("+-", max_size=40), st.sampled_from(KINDS), st.integers(1, 5), st.integers(1, 5))
def test_a_result_changes_only_after_as_many_in_a_row(said: str, kind: ProbeKind, good: int, bad: int) -> None:
    probe = Probe(success_threshold=good, failure_threshold=bad)
    needed = {"+": good, "-": bad}
    shown = [before_first(kind).passing, *results(kind, probe, said)]
    for number, (before, now) in enumerate(pairwise(shown), start=1):
        sign = said[number - 1]
        run = len(said[:number]) - len(said[:number].rstrip(sign))
        assert now is ((sign == "+") if run >= needed[sign] else before)


@pytest.mark.parametrize(
    ("kind", "passing", "decided"),
    [
        ("startup", None, False),
        ("startup", True, True),
        ("startup", False, True),
        ("liveness", True, False),
        ("liveness", False, True),
        ("readiness", True, False),
        ("readiness", False, False),
    ],
)
def test_when_nothing_is_left_to_ask(kind: ProbeKind, passing: bool | None, decided: bool) -> None:
    assert is_decided(ProbeCount(passing=passing), kind) is decided


# When


def test_the_first_probe_that_somebody_waits_for_comes_when_the_delay_is_over() -> None:
    probe = Probe(initial_delay_seconds=5)
    assert first_wait_s(probe, age_s=1, share=0.5, soon=True) == 4
    assert first_wait_s(probe, age_s=7, share=0.5, soon=True) == 0
    assert first_wait_s(Probe(), age_s=0, share=0.5, soon=True) == 0


def test_another_first_probe_has_its_place_in_the_period() -> None:
    probe = Probe(initial_delay_seconds=5, period_seconds=10)
    assert first_wait_s(probe, age_s=0, share=0.5, soon=False) == 5.5
    assert first_wait_s(probe, age_s=5.5, share=0.5, soon=False) == 0
    assert first_wait_s(probe, age_s=6, share=0.5, soon=False) == 9.5


def test_a_period_lies_between_probes() -> None:
    probe = Probe(period_seconds=10)
    assert next_wait_s(probe, age_s=20.75, begun_s=20.5, share=0.5) == 9.75


def test_the_second_of_a_short_period_is_not_much_earlier_than_the_period() -> None:
    probe = Probe(period_seconds=1)
    assert next_wait_s(probe, age_s=0.25, begun_s=0.0, share=0.25) == 1.0
    assert next_wait_s(probe, age_s=0.25, begun_s=0.0, share=0.75) == 0.5


def test_after_a_probe_that_took_longer_than_the_period_the_next_comes_at_once() -> None:
    probe = Probe(period_seconds=1)
    assert next_wait_s(probe, age_s=2.5625, begun_s=1.5, share=0.5) == 0
    assert next_wait_s(probe, age_s=7.25, begun_s=1.5, share=0.5) == 0


def test_probes_of_one_tick_begin_together() -> None:
    assert [round(tick_at(at), 3) for at in (0.0, 0.001, 0.09, 99.999)] == [0.0, 0.1, 0.1, 100.0]


@given(
    st.integers(0, 60), st.integers(1, 60), st.floats(0, 0.999), st.floats(0, 1e6), st.floats(0, 120)
)  # fmt: skip
def test_the_next_probe_is_never_too_soon_nor_forgotten(
    delay_s: int, period_s: int, share: float, begun_s: float, took_s: float
) -> None:
    probe = Probe(initial_delay_seconds=delay_s, period_seconds=period_s)
    begun_s += delay_s
    age_s = begun_s + took_s
    wait_s = next_wait_s(probe, age_s=age_s, begun_s=begun_s, share=share)
    assert wait_s >= 0
    between_s = age_s + wait_s - begun_s
    assert between_s >= period_s / 2 - 1e-6
    assert between_s <= max(1.5 * period_s, took_s) + 1e-6


def test_probes_of_containers_that_started_together_are_spread() -> None:
    shares = [share_of(f"{number:064x}", kind) for number in range(200) for kind in KINDS]
    assert all(0 <= share < 1 for share in shares)
    assert 0.4 < mean(shares) < 0.6
    assert max(sum(1 for share in shares if tenth <= share * 10 < tenth + 1) for tenth in range(10)) < len(shares) / 5
