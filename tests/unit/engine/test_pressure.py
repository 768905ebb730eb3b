"""The watch at work in a whole engine. A threshold of 100% is never met: what it is about is short all the time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hostpod.config import Config
from hostpod.engine.pressure import PressureWatch
from hostpod.host.usage import DiskUsage, disk_usage
from hostpod.kube import Pod
from hostpod.kube.priority import CRITICAL
from tests.unit.engine.a_host import Host, a_host, named
from tests.unit.engine.machine import Machine

SIGNALS = (
    "memoryAvailable", "nodefsAvailable", "nodefsInodesFree", "imagefsAvailable", "imagefsInodesFree", "pidAvailable",
)  # fmt: skip
NEVER = dict.fromkeys(SIGNALS, "0")


def settings(**eviction: Any) -> Config:
    return Config.model_validate({"nodeName": "host", "eviction": {**NEVER, "transitionPeriod": 0.0, **eviction}})


@asynccontextmanager
async def watched(machine: Machine, host: Host) -> AsyncIterator[PressureWatch]:
    """The watch as a task; it hears of every change, as it does in the daemon."""
    watch = PressureWatch(host.edges, host.engine)
    host.heard.append(watch.pods_changed)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watch.run())
        await asyncio.sleep(0)
        yield watch
        task.cancel()


def change(host: Host, watch: PressureWatch, config: Config) -> None:
    """Other settings while it runs, as a reload brings them."""
    host.engine.reconfigure(config)
    watch.look_now()


def reasons(host: Host, kind: str) -> list[str]:
    return [event["reason"] for event in host.node.events() if event["involvedObject"]["kind"] == kind]


def test_where_nothing_is_short_nothing_happens(machine: Machine) -> None:
    machine.config = settings()

    async def run() -> None:
        async with a_host(machine, named("a", "1")) as host, watched(machine, host) as watch:
            await host.until_running()
            assert await watch.look() == 300.0
            assert watch.conditions == frozenset()
            assert reasons(host, "Node") == []

    asyncio.run(run())


def test_one_pod_at_a_time_goes_and_comes_again_when_it_is_over(machine: Machine) -> None:
    machine.config = settings()

    async def run() -> None:
        async with (
            a_host(machine, named("a", "1"), named("b", "2", priority=5)) as host,
            watched(machine, host) as watch,
        ):
            await host.until_running()
            change(host, watch, settings(nodefsAvailable="100%", transitionPeriod=3600.0))
            pods = await host.until(lambda pods: pods["a"]["status"].get("reason") == "Evicted")
            assert pods["a"]["status"]["phase"] == "Failed"
            message = pods["a"]["status"]["message"]
            assert message.startswith("The node was low on resource: ephemeral-storage. Threshold quantity: ")
            await host.until(lambda pods: pods["b"]["status"].get("reason") == "Evicted")
            await host.until(lambda _: host.engine.is_empty())
            assert watch.conditions == {"DiskPressure"}
            assert reasons(host, "Node") == ["NodeHasDiskPressure", "EvictionThresholdMet"]
            assert reasons(host, "Pod").count("Evicted") == 2

            change(host, watch, settings(transitionPeriod=0.0))
            host.apply(named("a", "1"), named("b", "2", priority=5), named("c", "3"))
            await host.until_running()
            assert set(await host.until(lambda pods: len(pods) == 3)) == {"a", "b", "c"}
            assert reasons(host, "Node")[-1] == "NodeHasNoDiskPressure"

    asyncio.run(run())


def test_critical_pods_stay(machine: Machine) -> None:
    machine.config = settings(nodefsAvailable="100%")

    async def run() -> None:
        critical = named("a", "1", priorityClassName="system-node-critical")
        async with a_host(machine, critical) as host, watched(machine, host) as watch:
            await host.until_running()
            await watch.look()
            pods = await host.until(lambda pods: "a" in pods)
            assert pods["a"]["status"]["phase"] == "Running"

    asyncio.run(run())


def test_while_no_pod_is_here_nobody_looks(machine: Machine) -> None:
    machine.config = settings(nodefsAvailable="100%")

    async def run() -> None:
        async with a_host(machine) as host, watched(machine, host) as watch:
            watch.pods_changed()
            for _ in range(3):
                await asyncio.sleep(0)
            assert watch.conditions == frozenset()

    asyncio.run(run())


def writing(name: str, uid: str, limit: str, **spec: Any) -> Pod:
    container = {"name": "web", "image": "img", "imagePullPolicy": "IfNotPresent"}
    return named(name, uid, containers=[container | {"resources": {"limits": {"ephemeral-storage": limit}}}], **spec)


def test_who_has_more_on_disk_than_it_may_goes(machine: Machine) -> None:
    machine.config = settings(transitionPeriod=3600.0)

    async def run() -> None:
        pods = writing("a", "1", "1Mi"), writing("b", "2", "1Gi"), writing("c", "3", "1", priority=CRITICAL), named("d")
        async with a_host(machine, *pods) as host, watched(machine, host) as watch:
            await host.until_running()
            (layer,) = (machine.paths.pod("1").state / "containers").iterdir()
            (layer / "upper/much").write_bytes(b"x" * (2 << 20))
            await watch.look()
            assert not host.engine.evicted(), "it is not measured all the time"
            change(host, watch, settings(transitionPeriod=3600.0, storageInterval=1.0))
            shown = await host.until(lambda pods: pods["a"]["status"].get("reason") == "Evicted")
            assert shown["a"]["status"]["message"] == (
                "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. "
            )
            assert list(host.engine.evicted()) == ["default/a"]
            await host.until(lambda _: "default/a" not in host.engine.states())

    asyncio.run(run())


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[tuple[Path, ...]], threading.Event]]:
    """What was measured, and what lets the measuring end."""
    asked: list[tuple[Path, ...]] = []
    may_end = threading.Event()

    def measure(paths: tuple[Path, ...]) -> DiskUsage:
        asked.append(paths)
        may_end.wait(30)
        return disk_usage(paths)

    monkeypatch.setattr("hostpod.engine.storage.disk_usage", measure)
    yield asked, may_end
    may_end.set()


def test_while_nobody_has_a_limit_nothing_is_measured(
    machine: Machine, measured: tuple[list[tuple[Path, ...]], threading.Event]
) -> None:
    machine.config = settings(storageInterval=3600.0)
    asked, may_end = measured
    may_end.set()

    async def run() -> None:
        async with a_host(machine, named("a", "1")) as host, watched(machine, host) as watch:
            await host.until_running()
            assert await watch.look() == 300.0
            watch.look_now()
            await asyncio.sleep(0.1)
            assert asked == []
            host.apply(named("a", "1"), writing("b", "2", "1Gi"))
            await host.until_running()
            await host.until(lambda _: asked)
            host.apply(named("a", "1"))
            await host.until(lambda pods: "b" not in pods)
            watch.look_now()
            await asyncio.sleep(0.1)
            asked.clear()
            watch.look_now()
            await asyncio.sleep(0.1)
            assert asked == []

    asyncio.run(run())


def test_measuring_that_takes_its_time_holds_up_no_eviction(
    machine: Machine, measured: tuple[list[tuple[Path, ...]], threading.Event]
) -> None:
    machine.config = settings()
    asked, may_end = measured

    async def run() -> None:
        async with a_host(machine, writing("a", "1", "1Gi"), named("b", "2")) as host, watched(machine, host) as watch:
            await host.until_running()
            await host.until(lambda _: asked)
            change(host, watch, settings(nodefsAvailable="100%", transitionPeriod=3600.0))
            await host.until(lambda _: len(host.engine.evicted()) == 2)
            may_end.set()

    asyncio.run(run())


def test_what_the_file_system_counts_is_not_walked_but_now_and_then(
    machine: Machine, measured: tuple[list[tuple[Path, ...]], threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.config = settings(transitionPeriod=3600.0, storageInterval=3600.0)
    asked, may_end = measured
    may_end.set()
    counted: list[Path] = []

    def count(top: Path, _: object = ()) -> DiskUsage:
        """As of a container that has given its files to another project."""
        counted.append(top)
        return DiskUsage(used_bytes=1000, inodes=1)

    monkeypatch.setattr("hostpod.engine.storage.projects_usage", count)
    monkeypatch.setattr("hostpod.engine.storage.WALK_EVERY", 1000)

    async def run() -> None:
        async with a_host(machine, writing("a", "1", "1Mi")) as host, watched(machine, host) as watch:
            await host.until_running()
            (layer,) = (machine.paths.pod("1").state / "containers").iterdir()
            (layer / "upper/much").write_bytes(b"x" * (2 << 20))
            await host.until(lambda _: counted)
            watch.look_now()
            await asyncio.sleep(0.1)
            assert (asked, list(host.engine.evicted())) == ([], [])
            monkeypatch.setattr("hostpod.engine.storage.WALK_EVERY", 1)
            watch.look_now()
            await host.until(lambda _: host.engine.evicted())
            assert asked

    asyncio.run(run())
