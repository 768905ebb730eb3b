"""Signs of life for the watchdog, and settings that change while pods run."""

from __future__ import annotations

import asyncio

from tests.unit.engine.a_host import a_host, named
from tests.unit.engine.bench import PATIENT, at_work, runs
from tests.unit.engine.machine import Machine, end


def test_every_worker_answers_after_a_round_of_its_own(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine) as host:
            host.apply(named("a", "1"), named("b", "2"))
            await host.until_running()
            answered: list[str] = []
            pings = host.engine.pings()
            assert set(pings) == {"pod default/a", "pod default/b"}
            for name, ping in pings.items():
                ping(lambda name=name: answered.append(name))  # type: ignore[misc]
            assert answered == []
            host.changed.clear()
            await host.changed.wait()
            await asyncio.sleep(0)
            assert sorted(answered) == ["pod default/a", "pod default/b"]

    asyncio.run(run())


def test_a_worker_whose_round_does_not_end_does_not_answer(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine) as bench:
            await bench.until_running()
            freed, answered, rounds = asyncio.Event(), asyncio.Event(), bench.worker._round

            async def stuck(actions: asyncio.TaskGroup) -> None:
                await freed.wait()
                await rounds(actions)

            bench.worker._round = stuck  # type: ignore[method-assign]
            bench.worker.reconfigure(PATIENT)  # it wakes, and goes into the round that does not end
            await asyncio.sleep(0)
            bench.worker.ping(answered.set)
            for _ in range(10):
                await asyncio.sleep(0)
            assert not answered.is_set()
            freed.set()
            async with asyncio.timeout(5):
                await answered.wait()

    asyncio.run(run())


def test_one_that_takes_leave_answers_at_once(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine) as bench:
            await bench.until_running()
            await bench.until_gone()
            answered = asyncio.Event()
            bench.worker.ping(answered.set)
            assert answered.is_set()

    asyncio.run(run())


def test_another_rule_of_waiting_holds_for_waits_that_have_begun(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine, PATIENT) as bench:
            await bench.until_running()
            machine.refusals["mount_rootfs"] = OSError("busy")
            end(bench.pid())
            await bench.until(lambda seen: seen is not None and seen.failures and not seen.busy)
            machine.refusals.clear()
            bench.worker.reconfigure(type(PATIENT)(initial_s=0.01, max_s=0.02))
            await bench.until(lambda seen: seen is not None and runs(seen.latest("web"), 1))

    asyncio.run(run())


def test_settings_that_change_reach_those_who_use_them(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine) as host:
            host.apply(named("a", "1"), named("b", "2"))
            await host.until_running()
            images = machine.config.images.model_copy(update={"pull_deadline_s": 5.0})
            host.engine.reconfigure(machine.config.model_copy(update={"max_pods": 1, "images": images}))
            pods = await host.until(lambda pods: pods["b"]["status"].get("reason") == "OutOfpods")
            assert pods["a"]["status"]["phase"] == "Running"
            host.engine.reconfigure(machine.config)
            await host.until_running()
            assert machine.deadlines == [5.0, 900.0]

    asyncio.run(run())
