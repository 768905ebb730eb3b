from __future__ import annotations

import pytest

from hostpod.plan.backoff import BackoffRule, next_backoff_s, restart_wait_s, retry_at
from hostpod.plan.observed import Failure
from tests.unit.plan.build import ended

RULE = BackoffRule()


def test_crashes_wait_nothing_then_ten_seconds_doubled_to_five_minutes() -> None:
    waits, backoff_s = [], 0.0
    for number in range(8):
        crash = ended(number=number, backoff_s=backoff_s)
        waits.append(restart_wait_s(crash, RULE))
        backoff_s = next_backoff_s(crash, RULE)
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]


def test_ten_good_minutes_make_the_next_crash_the_first_again() -> None:
    crash = ended(number=5, backoff_s=160.0, started_at=0.0, finished_at=600.0)
    assert restart_wait_s(crash, RULE) == 0
    assert next_backoff_s(crash, RULE) == 10


def test_an_attempt_that_never_started_did_not_run_long() -> None:
    assert restart_wait_s(ended(backoff_s=20.0, started_at=None), RULE) == 20


@pytest.mark.parametrize(("count", "wait_s"), [(1, 10), (2, 20), (3, 40), (6, 300), (1000, 300)])
def test_refused_actions_are_retried_later_and_later(count: int, wait_s: float) -> None:
    failure = Failure(action="EnsureImage image:web", count=count, at=1000.0, reason="ErrImagePull", message="no route")
    assert retry_at(failure, RULE) == 1000 + wait_s
