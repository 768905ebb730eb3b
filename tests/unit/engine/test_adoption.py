from __future__ import annotations

import asyncio
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from hostpod.network import PublishedPort
from tests.unit.engine.a_host import a_host, named, until_killed
from tests.unit.engine.machine import Machine, end


def identity(pods: dict[str, Any]) -> list[tuple[str, int]]:
    statuses = [status for pod in pods.values() for status in pod["status"]["containerStatuses"]]
    return [(status["containerID"], status["restartCount"]) for status in statuses]


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """What a daemon left running: which containers, and two processes of the last pod."""

    identity: list[tuple[str, int]]
    container: int
    pause: int


async def leave_running(machine: Machine, *names: str, **spec: Any) -> Left:
    """Pods of a daemon that has ended."""
    async with until_killed(machine, *(named(name, f"u-{name}", **spec) for name in names)) as host:
        await host.until_running()
        state = host.engine.pod_state("default", names[-1])
        assert state is not None
        assert state.pause is not None
        (record,) = state.containers.values()
        pods = await host.until(lambda pods: len(pods) == len(names))
        return Left(identity=identity(pods), container=record.pid or 0, pause=state.pause.pid)


def test_pods_go_on_as_they_are(machine: Machine) -> None:
    async def run() -> None:
        left = await leave_running(machine, "a", "b")
        async with a_host(machine, named("a", "u-a"), named("b", "u-b")) as host:
            assert sorted(wish.pod.uid or "" for wishes in host.engine.adopted().values() for wish in wishes) == [
                "u-a",
                "u-b",
            ]
            await host.until_running()
            pods = await host.until(lambda pods: len(pods) == 2)
            assert identity(pods) == left.identity
            assert {pod["status"]["podIP"] for pod in pods.values()} == {"10.0.0.2"}
            assert "Started" not in [event["reason"] for event in host.node.events()]

    asyncio.run(run())


def test_what_ended_meanwhile_is_noticed(machine: Machine) -> None:
    async def run() -> None:
        left = await leave_running(machine, "a", restartPolicy="Never")
        end(left.container)
        async with a_host(machine, named("a", "u-a", restartPolicy="Never")) as host:
            pods = await host.until(lambda pods: pods["a"]["status"]["phase"] == "Failed")
            (status,) = pods["a"]["status"]["containerStatuses"]
            assert status["state"]["terminated"]["exitCode"] == 137

    asyncio.run(run())


def test_what_is_wished_no_more_is_ended(machine: Machine) -> None:
    async def run() -> None:
        await leave_running(machine, "a", "b")
        async with a_host(machine, named("b", "u-b")) as host:
            await host.until(lambda pods: set(pods) == {"b"})

    asyncio.run(run())


def test_a_pause_that_died_meanwhile_is_run_again(machine: Machine) -> None:
    async def run() -> None:
        left = await leave_running(machine, "a")
        end(left.pause)
        async with a_host(machine, named("a", "u-a")) as host:
            ready = {"type": "PodReadyToStartContainers", "status": "True"}
            pods = await host.until(
                lambda pods: any(ready.items() <= each.items() for each in pods["a"]["status"]["conditions"])
            )
            assert identity(pods) == left.identity
            state = host.engine.pod_state("default", "a")
            assert state is not None
            assert state.pause is not None
            assert state.pause.pid != left.pause

    asyncio.run(run())


def test_what_belongs_to_nobody_is_removed(machine: Machine) -> None:
    async def run() -> None:
        await leave_running(machine, "a", "b")
        machine.paths.pod("u-b").record.write_text("damaged")
        machine.containers.add("stray")
        machine.cgroups.add("/test/BestEffort/podstray")
        machine.attached.add("stray")
        (machine.paths.pod_states / "stray").mkdir()
        (machine.paths.log_links / "dangling.log").symlink_to(machine.paths.logs / "none")
        async with a_host(machine, named("a", "u-a")) as host:
            # Each thing has a time of its own: stray calls, a container, two cgroups, three directories, and the pod.
            assert host.adopted >= 8
            await host.until_running()
            assert "stray" not in machine.containers | machine.attached
            assert machine.cgroups == {"/test/BestEffort/podu-a"}
            assert [path.name for path in machine.paths.pods.iterdir()] == ["u-a"]
            assert not [path for path in machine.paths.log_links.iterdir() if not path.exists()]

    asyncio.run(run())


def test_ports_of_the_host_are_those_of_the_pods_that_are_here(machine: Machine) -> None:
    ports = [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 53, "hostPort": 53, "hostIP": "127.0.0.1"}]
    container = {"name": "web", "image": "img", "ports": ports}
    wanted = {
        PublishedPort(protocol="TCP", port=8080, pod_port=80),
        PublishedPort(protocol="TCP", port=53, pod_port=53, address=IPv4Address("127.0.0.1")),
    }

    async def run() -> None:
        await leave_running(machine, "a", containers=[container])
        assert machine.ports == {"u-a": wanted}
        machine.ports = {"stray": frozenset()}
        async with a_host(machine, named("a", "u-a", containers=[container])) as host:
            await host.until_running()
            assert machine.ports == {"u-a": wanted}

    asyncio.run(run())
