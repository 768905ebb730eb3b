"""Pods that come and go quickly leave nothing behind, on the host and in the daemon."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from lab.place import patient
from tests.integration import census
from tests.integration.crash_kit import until
from tests.integration.harness import FOREVER, Daemon, pod, reasons

pytestmark = [pytest.mark.integration, pytest.mark.timeout(patient(180))]

CYCLES = 200
AT_ONCE = 4
# How long pods are there: some are gone before they are made, some while they start, some run for a while.
STAYS_S = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
LIMITED = [{"sizeLimit": "8Mi"}] if Path("/dev/loop-control").exists() else []  # a limit on disk takes a loop device
VOLUMES: tuple[dict[str, Any], ...] = ({}, {"medium": "Memory"}, *LIMITED)
# One ends when it is asked, one has to be killed, one ends by itself and is restarted.
WAYS = ((FOREVER, 1), ("exec sleep 3600", 0), ("sleep 0.1", 1))


def _pod(name: str, number: int) -> dict[str, Any]:
    command, grace_s = WAYS[number % len(WAYS)]
    empty_dir = VOLUMES[number // len(WAYS) % len(VOLUMES)]
    manifest = pod(name, command, grace_s=grace_s, volumes=[{"name": "v", "emptyDir": empty_dir}])
    manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v", "subPath": "in"}]
    return manifest


def _cycle(node: Daemon, number: int, stay_s: float) -> None:
    """Four pods at once come and go. Every fifth time they go when all of them have run."""
    names = [f"cycle{number}x{each}" for each in range(AT_ONCE)]
    for each, name in enumerate(names):
        node.drop(f"{name}.yaml", _pod(name, number + each))
    if number % 5 == 4:
        until(lambda: all("Started" in reasons(node.events(), f"{name}-lab") for name in names), "all have run")
    else:
        time.sleep(stay_s)
    for name in names:
        node.remove(f"{name}.yaml")


def test_two_hundred_cycles_leave_nothing(node: Daemon) -> None:
    chance = random.Random(1)
    for number in range(CYCLES // AT_ONCE):
        _cycle(node, number, chance.choice(STAYS_S))
    node.clear()


def test_the_daemon_holds_no_more_after_a_hundred_cycles(node: Daemon) -> None:
    node.kill()
    node.start(python_options=census.OPTIONS)
    for number in range(5):
        _cycle(node, number, 0.1)
    before = _held(node)
    for number in range(5, 30):
        _cycle(node, number, STAYS_S[number % len(STAYS_S)])
    after = _held(node)
    assert after["asyncio tasks"] <= before["asyncio tasks"]
    assert after["descriptors"] <= before["descriptors"]
    assert after["children"] == 0
    assert after["threads"] <= before["threads"] + 2  # pools grow up to their limit, and no further
    assert after["resident MiB"] <= before["resident MiB"] + 4  # events are kept, and bounded


def _held(node: Daemon) -> dict[str, int]:
    node.clear()
    assert node.process is not None
    node.process.send_signal(signal.SIGUSR1)
    until(lambda: census.MARK in node.last_lines(1), "told")
    process = Path(f"/proc/{node.process.pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    told: dict[str, int] = json.loads(node.last_lines(1).removeprefix(census.MARK))
    return told | {
        "descriptors": len(list((process / "fd").iterdir())),
        "children": len((process / "task" / process.name / "children").read_text().split()),
        "resident MiB": int(status["VmRSS"].split()[0]) >> 10,
    }
