"""A whole engine at work on the machine of machine.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from hostpod.engine.engine import Engine
from hostpod.engine.node import NodeView
from hostpod.engine.worker import Wish
from hostpod.kube import Pod
from tests.unit.engine.bench import web
from tests.unit.engine.machine import Machine


class Host:
    """An engine at work, and the view of it that the server has."""

    def __init__(self, machine: Machine) -> None:
        self.edges = machine.edges()
        self.changed = asyncio.Event()
        self.heard: list[Callable[[], None]] = [self.changed.set]
        self.adopted = 0
        self.engine = Engine(self.edges, changed=self._tell)
        self.node = NodeView(self.engine, self.edges)

    def _tell(self) -> None:
        for told in self.heard:
            told()

    def gets_on(self) -> None:
        """How many things it looked at while it adopted."""
        self.adopted += 1

    def apply(self, *pods: Pod) -> None:
        self.engine.apply([Wish(pod=pod, file="web.yaml") for pod in pods])

    async def until(self, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The pods by name as soon as it is so."""
        async with asyncio.timeout(10):
            while not holds(pods := {pod["metadata"]["name"]: pod for pod in self.node.pods()}):
                self.changed.clear()
                await self.changed.wait()
        return pods

    async def until_running(self) -> None:
        await self.until(lambda pods: pods and all(pod["status"]["phase"] == "Running" for pod in pods.values()))


@asynccontextmanager
async def a_host(machine: Machine, *pods: Pod) -> AsyncIterator[Host]:
    """An engine that adopts what is there and wants these pods; at the end all pods go, and nothing may be left."""
    async with until_killed(machine, *pods) as host:
        yield host
        host.apply()
        await host.until(lambda pods: not pods)
    assert machine.left() == []


@asynccontextmanager
async def until_killed(machine: Machine, *pods: Pod) -> AsyncIterator[Host]:
    """The same, but the engine just ends with the block; its pods go on."""
    async with asyncio.TaskGroup() as tasks:
        host = Host(machine)
        await host.engine.adopt(gets_on=host.gets_on)
        host.apply(*pods)
        running = tasks.create_task(host.engine.run())
        await asyncio.sleep(0)
        yield host
        running.cancel()


def named(name: str, uid: str = "u1", **spec: Any) -> Pod:
    pod = web(uid, **spec)
    return pod.model_copy(update={"metadata": pod.metadata.model_copy(update={"name": name})})
