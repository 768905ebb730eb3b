"""One worker at work on the machine of machine.py, and ways to wait for what becomes of its pod."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from hostpod.engine.edges import Edges
from hostpod.engine.worker import Wish, Worker
from hostpod.kube import Pod
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.observed import ObservedContainer, ObservedPod
from tests.unit.engine.machine import Machine
from tests.unit.plan.build import pod

RULE = BackoffRule(initial_s=0.02, max_s=0.04)
PATIENT = BackoffRule(initial_s=3600, max_s=3600)


class Bench:
    """One worker at work, and what happens to its pod."""

    def __init__(self, machine: Machine, edges: Edges, worker: Worker, changed: asyncio.Event) -> None:
        self.machine, self.edges, self.worker = machine, edges, worker
        self.running: asyncio.Task[None] | None = None
        self._changed = changed

    async def until(self, holds: Callable[[ObservedPod | None], object]) -> ObservedPod | None:
        """The sight of the pod as soon as it is so."""
        async with asyncio.timeout(10):
            while not holds(seen := self.worker.sight()):
                self._changed.clear()
                await self._changed.wait()
        return seen

    async def until_running(self, attempt: int = 0) -> ObservedContainer:
        """The first container's attempt as soon as it runs."""
        seen = await self.until(lambda seen: seen is not None and runs(seen.latest("web"), attempt))
        assert seen is not None
        latest = seen.latest("web")
        assert latest is not None
        return latest

    async def until_gone(self) -> None:
        assert self.running is not None
        self.worker.want(None)
        async with asyncio.timeout(10):
            await self.running

    def pid(self) -> int:
        """The process of the newest attempt."""
        assert self.worker.state is not None
        newest = max(self.worker.state.containers.values(), key=lambda record: record.attempt)
        assert newest.pid
        return newest.pid

    async def told(self, reason: str) -> str:
        """The message of the first event with this reason, when it comes."""
        async with asyncio.timeout(10), aclosing(self.edges.events.watch()) as changes:
            async for change in changes:
                if change["object"]["reason"] == reason:
                    return str(change["object"]["message"])
        raise AssertionError("the watch ended")

    def reasons(self) -> list[str]:
        return [event["reason"] for event in self.edges.events.rendered()]

    def messages(self, reason: str) -> list[str]:
        return [event["message"] for event in self.edges.events.rendered() if event["reason"] == reason]


def web(uid: str = "u1", **spec: Any) -> Pod:
    """A pod with one container, unless others are given."""
    containers = [{"name": "web", "image": "img", "imagePullPolicy": "IfNotPresent"}]
    return pod(uid=uid, **{"containers": containers, **spec})


def runs(latest: ObservedContainer | None, attempt: int) -> bool:
    return latest is not None and latest.phase == "running" and latest.attempt == attempt


@asynccontextmanager
async def at_work(machine: Machine, rule: BackoffRule = RULE, **spec: Any) -> AsyncIterator[Bench]:
    """A worker with a wish; at the end the pod is wished away, and nothing of it may be left."""
    edges, changed = machine.edges(), asyncio.Event()
    bench = Bench(machine, edges, Worker(edges, rule, None, changed.set), changed)
    bench.worker.want(Wish(pod=web(**spec), file="web.yaml"))
    async with asyncio.TaskGroup() as tasks:
        bench.running = tasks.create_task(bench.worker.run())
        yield bench
        machine.refusals.clear()
        await bench.until_gone()
    assert machine.left() == []
