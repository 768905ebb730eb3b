"""Ends for want of memory, by what conmon leaves and by what the cgroups count."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from hostpod.engine.state import PodState
from hostpod.host.pids import start_ticks
from hostpod.plan.observed import ObservedContainer, ObservedPod
from tests.unit.engine.bench import Bench, at_work, runs
from tests.unit.engine.machine import Machine, end

POD = "/test/BestEffort/podu1"
NAMES = ("web", "side")
PAIR = [{"name": name, "image": "img", "imagePullPolicy": "IfNotPresent"} for name in NAMES]


def state_of(bench: Bench) -> PodState:
    assert bench.worker.state is not None
    return bench.worker.state


def cgroup(bench: Bench, name: str) -> str:
    """Of the attempt that is not over."""
    (found,) = (each.cgroup for each in state_of(bench).containers.values() if each.name == name and not each.reason)
    return found


def pid(bench: Bench, name: str) -> int:
    (found,) = (each.pid for each in state_of(bench).containers.values() if each.name == name and not each.reason)
    assert found
    return found


async def both_run(bench: Bench) -> None:
    await bench.until(lambda seen: seen is not None and all(runs(seen.latest(name), 0) for name in NAMES))


async def ended(bench: Bench, name: str) -> ObservedContainer:
    """The first attempt of a container when it is over."""

    def first(seen: ObservedPod | None) -> ObservedContainer | None:
        over = (each for each in seen.containers if each.exit_code is not None) if seen else ()
        return next((each for each in over if (each.name, each.attempt) == (name, 0)), None)

    found = first(await bench.until(first))
    assert found is not None
    return found


def end_both(*kills: tuple[int, int]) -> None:
    """Both are over before anybody looks, as the kernel has counted and killed both by then."""
    for process, number in kills:
        end(process, number)
    while any(start_ticks(process) for process, _ in kills):
        time.sleep(0.001)


def counts(bench: Bench, pod: int, **containers: int) -> Mapping[str, int]:
    """What the kernel has counted, where cgroups are left to be read."""
    return {POD: pod} | {cgroup(bench, name): kills for name, kills in containers.items()}


@pytest.mark.parametrize(
    ("number", "kills", "reason"),
    [
        (signal.SIGKILL, 1, "OOMKilled"),
        (signal.SIGKILL, 3, "OOMKilled"),
        (signal.SIGKILL, 0, "Error"),
        (signal.SIGTERM, 1, "Error"),
    ],
)
def test_a_kill_is_known_by_the_count_of_the_pod(machine: Machine, number: int, kills: int, reason: str) -> None:
    async def run() -> None:
        async with at_work(machine) as bench:
            await bench.until_running()
            machine.oom_kills[POD] = kills
            end(bench.pid(), number)
            over = await ended(bench, "web")
            assert (over.reason, over.exit_code) == (reason, 128 + number)
            await bench.until_running(attempt=1)

    asyncio.run(run())


def test_conmon_s_file_is_enough(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine) as bench:
            seen = await bench.until_running()
            (state_of(bench).paths.container(seen.id).bundle / "oom").touch()
            end(bench.pid(), signal.SIGTERM)
            assert (await ended(bench, "web")).reason == "OOMKilled"

    asyncio.run(run())


def test_a_kill_is_told_of_once(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine) as bench:
            await bench.until_running()
            machine.oom_kills[POD] = 2
            end(bench.pid())
            assert (await ended(bench, "web")).reason == "OOMKilled"
            await bench.until_running(attempt=1)
            assert state_of(bench).record.oom_kills == 2
            end(bench.pid())
            await bench.until_running(attempt=2)
            assert "OOMKilled" not in [each.reason for each in state_of(bench).containers.values() if each.attempt == 1]

    asyncio.run(run())


@pytest.mark.parametrize("own_is_left", [False, True], ids=["systemd", "cgroupfs"])
def test_of_two_containers_the_one_that_was_killed_is_told(machine: Machine, *, own_is_left: bool) -> None:
    async def run() -> None:
        async with at_work(machine, containers=PAIR) as bench:
            await both_run(bench)
            machine.oom_kills |= counts(bench, 1, **({"side": 1} if own_is_left else {}))
            if own_is_left:  # its cgroup says that the kill was in there, so another's end is no matter of memory
                end(pid(bench, "web"))
                assert (await ended(bench, "web")).reason == "Error"
            end(pid(bench, "side"))
            assert (await ended(bench, "side")).reason == "OOMKilled"

    asyncio.run(run())


def test_a_count_that_begins_anew_is_no_reason_to_miss_a_kill(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine) as bench:
            await bench.until_running()
            machine.oom_kills[POD] = 5
            end(bench.pid())
            await bench.until_running(attempt=1)
            machine.oom_kills[POD] = 1  # the pod's cgroup was made again
            end(bench.pid())
            await bench.until_running(attempt=2)
            ends = {each.attempt: each.reason for each in state_of(bench).containers.values()}
            assert ends.get(1, "OOMKilled") == "OOMKilled"
            assert state_of(bench).record.oom_kills == 1

    asyncio.run(run())


def test_a_container_that_hostpod_killed_was_not_killed_for_memory(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine) as bench:
            await bench.until_running()
            state = state_of(bench)
            (record,) = state.containers.values()
            machine.oom_kills[POD] = 1
            state.keep(replace(record, kill_sent=True))
            end(bench.pid())
            assert (await ended(bench, "web")).reason == "Error"

    asyncio.run(run())


def test_two_that_are_killed_at_once_are_told_of_both(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine, containers=PAIR) as bench:
            await both_run(bench)
            machine.oom_kills[POD] = 4
            first, second = (pid(bench, name) for name in NAMES)
            end_both((first, signal.SIGKILL), (second, signal.SIGKILL))
            assert [(await ended(bench, name)).reason for name in NAMES] == ["OOMKilled"] * 2
            assert state_of(bench).record.oom_kills == 4

    asyncio.run(run())


def test_what_another_end_at_the_same_time_left_open_is_accounted_for(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine, containers=PAIR) as bench:
            await both_run(bench)
            machine.oom_kills[POD] = 4
            first, second = (pid(bench, name) for name in NAMES)
            end_both((first, signal.SIGKILL), (second, signal.SIGTERM))
            assert [(await ended(bench, name)).reason for name in NAMES] == ["OOMKilled", "Error"]
            assert state_of(bench).record.oom_kills == 4

    asyncio.run(run())
