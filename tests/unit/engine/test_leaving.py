"""All pods end with the host or with the daemon, and come back when it is called off."""

from __future__ import annotations

import asyncio
from typing import Any

from hostpod.kube.priority import CRITICAL
from hostpod.plan.leaving import Farewell
from hostpod.plan.observed import Verdict
from tests.unit.engine.a_host import Host, a_host, named
from tests.unit.engine.machine import Machine

VERDICT = Verdict(reason="Terminated", message="Pod was terminated in response to imminent node shutdown.")
SHUTDOWN = Farewell(reason="the host shuts down", total_s=20, critical_s=10, verdict=VERDICT)


def stopped(host: Host) -> list[str]:
    """The pods that were asked to end, in order."""
    return [event["involvedObject"]["name"] for event in host.node.events() if event["reason"] == "Killing"]


def test_pods_end_in_order_and_are_shown_as_failed_with_the_reason(machine: Machine) -> None:
    async def run() -> dict[str, Any]:
        async with a_host(machine) as host:
            host.apply(named("critical", "1", priority=CRITICAL), named("web", "2"), named("db", "3", priority=7))
            await host.until_running()
            assert host.engine.leaving_takes_s(SHUTDOWN) == 20
            await host.engine.leave(SHUTDOWN)
            assert host.engine.is_empty()
            assert stopped(host) == ["web", "db", "critical"]
            told = [event for event in host.node.events() if event["reason"] == "NodeShutdown"]
            assert {event["involvedObject"]["name"] for event in told} == {"web", "db", "critical"}
            assert {event["message"] for event in told} == {VERDICT.message}
            return {pod["metadata"]["name"]: pod for pod in host.node.pods()}

    for pod in asyncio.run(run()).values():
        assert (pod["status"]["phase"], pod["status"]["reason"]) == ("Failed", "Terminated")
        assert "terminated" in pod["status"]["containerStatuses"][0]["state"]
        assert "deletionTimestamp" not in pod["metadata"]


def test_while_all_leave_nobody_comes(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine) as host:
            host.apply(named("a", "1"))
            await host.until_running()
            await host.engine.leave(SHUTDOWN)
            host.apply(named("a", "1"), named("b", "2"))
            await host.until(lambda pods: set(pods) == {"a", "b"})
            for _ in range(20):
                await asyncio.sleep(0)
            assert host.engine.is_empty()

    asyncio.run(run())


def test_after_a_shutdown_that_was_called_off_they_start_again(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine) as host:
            host.apply(named("a", "1"), named("b", "2", priority=1))
            await host.until_running()
            await host.engine.leave(SHUTDOWN)
            host.engine.stay(SHUTDOWN)
            await host.until_running()
            assert all("reason" not in pod["status"] for pod in host.node.pods())
            await host.engine.leave(SHUTDOWN)
            assert stopped(host) == ["a", "b"]
            assert {event["count"] for event in host.node.events() if event["reason"] == "Killing"} == {2}

    asyncio.run(run())


def test_calling_one_farewell_off_does_not_bring_back_who_leaves_for_another(machine: Machine) -> None:
    exits = Farewell(reason="hostpod ends")

    async def run() -> None:
        async with a_host(machine) as host:
            host.apply(named("a", "1"))
            await host.until_running()
            await host.engine.leave(SHUTDOWN)
            await host.engine.leave(exits)
            host.engine.stay(SHUTDOWN)
            for _ in range(20):
                await asyncio.sleep(0)
            assert host.engine.is_empty()
            host.engine.stay(exits)
            await host.until_running()

    asyncio.run(run())


def test_a_pod_that_was_about_to_be_admitted_when_all_leave_is_not(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine) as host:
            host.apply(named("a", "1"))
            worker = host.engine._workers["default/a"]
            while not worker._busy:  # noqa: ASYNC110 - until it has planned, and its first action has not begun
                await asyncio.sleep(0)
            await host.engine.leave(SHUTDOWN)
            for _ in range(20):
                await asyncio.sleep(0)
                assert host.engine.is_empty()
            host.engine.stay(SHUTDOWN)
            await host.until_running()

    asyncio.run(run())


def test_a_pod_that_is_done_stays_as_it_is_but_where_everything_goes(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine) as host:
            host.apply(named("job", "1", restartPolicy="Never"))
            await host.until_running()
            state = host.engine.pod_state("default", "job")
            assert state is not None
            for process in state.processes.values():
                process.signal(9)
            await host.until(lambda pods: pods["job"]["status"]["phase"] == "Failed")
            await host.engine.leave(SHUTDOWN)
            (job,) = host.node.pods()
            assert "reason" not in job["status"]
            assert not host.engine.is_empty()
            await host.engine.leave(Farewell(reason="hostpod drain", finished_too=True))
            assert host.engine.is_empty()

    asyncio.run(run())


def test_a_pod_that_does_not_go_is_not_waited_for_beyond_its_time(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine) as host:
            host.apply(named("a", "1"))
            await host.until_running()
            machine.refusals["teardown"] = OSError("it is busy")
            hurried = Farewell(reason="the host shuts down", total_s=0.2)
            await host.engine.leave(hurried)
            assert not host.engine.is_empty()
            machine.refusals.clear()
            host.engine.stay(hurried)

    asyncio.run(run())
