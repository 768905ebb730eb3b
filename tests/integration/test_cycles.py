"""Pods that come and go quickly leave nothing behind."""

from __future__ import annotations

import random
import time

import pytest

from lab.leaks import wait_until_gone
from tests.integration.harness import FOREVER, Daemon, pod

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

CYCLES = 200
AT_ONCE = 4


def test_two_hundred_cycles_leave_nothing(daemon: Daemon) -> None:
    chance = random.Random(1)
    for number in range(CYCLES // AT_ONCE):
        names = [f"cycle{number}x{each}" for each in range(AT_ONCE)]
        for name in names:
            daemon.drop(f"{name}.yaml", pod(name, FOREVER))
        time.sleep(chance.choice((0, 0.005, 0.02, 0.05, 0.1, 0.2)))
        for name in names:
            daemon.remove(f"{name}.yaml")
        if number % 10 == 9:
            daemon.wait_for(lambda pods: not pods, what="all gone", within_s=60)
    daemon.wait_for(lambda pods: not pods, what="all gone", within_s=60)
    assert wait_until_gone(daemon.traces, within_s=5) == []
    assert list((daemon.state / "pods").iterdir()) == []
    assert list((daemon.logs / "containers").iterdir()) == []
