from __future__ import annotations

import asyncio
from typing import Any

from hostpod.kube import Pod
from hostpod.kube.annotations import AFTER
from hostpod.plan.leaving import Farewell
from tests.unit.engine.a_host import Host, a_host, named, until_killed
from tests.unit.engine.machine import Machine


def after(name: str, uid: str, first: str) -> Pod:
    pod = named(name, uid)
    metadata = pod.metadata.model_copy(update={"annotations": {AFTER: first}})
    return pod.model_copy(update={"metadata": metadata})


def waiting(pod: dict[str, Any]) -> dict[str, str]:
    told: dict[str, str] = pod["status"]["containerStatuses"][0]["state"].get("waiting", {})
    return told


def told(host: Host, name: str) -> list[tuple[str, str]]:
    """The events about waiting."""
    events = (each for each in host.node.events() if each["involvedObject"]["name"] == name)
    return [(each["type"], each["message"]) for each in events if each["reason"] == "WaitingForPods"]


def test_a_pod_comes_when_those_that_it_names_are_ready(machine: Machine) -> None:
    machine.pulling = asyncio.Event()

    async def run() -> None:
        async with a_host(machine, after("web", "1", "db"), named("db", "2")) as host:
            machine.present.clear()
            pods = await host.until(lambda pods: waiting(pods["web"]).get("reason") == "WaitingForPods")
            assert waiting(pods["web"])["message"] == "waits for pods that are not ready: default/db"
            assert pods["web"]["status"]["phase"] == "Pending"
            assert told(host, "web") == [("Normal", "waits for pods that are not ready: default/db")]
            assert machine.pulling is not None
            machine.pulling.set()
            await host.until_running()

    asyncio.run(run())


def test_a_name_that_nobody_has_is_told_and_a_pod_that_runs_goes_on(machine: Machine) -> None:
    async def run() -> None:
        async with until_killed(machine, after("web", "1", "db"), named("db", "2")) as host:
            await host.until_running()
            host.apply(after("web", "1", "db"))
            await host.until(lambda pods: set(pods) == {"web"})
            assert told(host, "web")[1:] == []
        async with a_host(machine, after("web", "1", "db"), after("late", "3", "dbx")) as host:
            pods = await host.until(lambda pods: waiting(pods["late"]).get("reason") == "WaitingForPods")
            assert pods["web"]["status"]["phase"] == "Running"
            assert told(host, "late") == [("Warning", "waits for pods that no manifest has: dbx")]
            host.apply(named("late", "4"), after("web", "1", "db"))
            await host.until_running()

    asyncio.run(run())


def test_all_end_in_the_opposite_order(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine, after("web", "1", "db"), named("db", "2")) as host:
            await host.until_running()
            farewell = Farewell(reason="all end")
            leaving = asyncio.ensure_future(host.engine.leave(farewell))
            pods = await host.until(lambda pods: "deletionTimestamp" in pods.get("db", {}).get("metadata", {}))
            assert host.engine.pod_state("default", "web") is None
            assert "deletionTimestamp" in pods["db"]["metadata"]
            await leaving
            host.engine.stay(farewell)
            await host.until_running()

    asyncio.run(run())
