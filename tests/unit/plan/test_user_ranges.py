from __future__ import annotations

from hostpod.kube.user_ids import IDS
from hostpod.plan.user_ranges import free_range

FIRST = 1 << 20


def test_the_lowest_that_is_free() -> None:
    assert free_range(FIRST, 3, taken=(), others=()) == FIRST
    assert free_range(FIRST, 3, taken={FIRST, FIRST + 2 * IDS}, others=()) == FIRST + IDS
    assert free_range(FIRST, 2, taken={FIRST, FIRST + IDS}, others=()) is None


def test_pods_of_another_first_id_keep_what_they_have() -> None:
    assert free_range(FIRST + 1000, 2, taken={FIRST}, others=()) == FIRST + 1000 + IDS
    assert free_range(FIRST + 1000, 1, taken={FIRST}, others=()) is None


def test_what_somebody_else_has_is_left_out() -> None:
    others = [
        range(FIRST - 10, FIRST + 1),
        range(FIRST + 2 * IDS - 1, FIRST + 2 * IDS),
        range(FIRST + 3 * IDS, FIRST + 4 * IDS),
    ]
    assert free_range(FIRST, 9, taken=(), others=others) == FIRST + 2 * IDS
    assert free_range(FIRST, 9, taken=(), others=[range(FIRST), range(5, 5)]) == FIRST
