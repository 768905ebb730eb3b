"""Image garbage collection in a whole engine, whose disk is full but for 1 %."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from hostpod.config import Config
from hostpod.engine.image_garbage import ImageGarbage
from hostpod.engine.image_users import ImageUsers
from hostpod.engine.pressure import PressureWatch
from hostpod.host.clock import now
from hostpod.images import ImagePullError
from hostpod.images.uses import Use
from tests.unit.engine.a_host import Host, a_host, named
from tests.unit.engine.machine import IMAGE, Machine

OLD, NEW = (
    replace(IMAGE, id=f"sha256:{name}", references=(f"{name}:1",), layers=(f"sha256:{name}-layer",))
    for name in ("old", "new")
)
SIGNALS = (
    "memoryAvailable", "nodefsAvailable", "nodefsInodesFree", "imagefsAvailable", "imagefsInodesFree", "pidAvailable",
)  # fmt: skip
FULL: dict[str, Any] = {"minimumGCAge": 0}


def settings(*, eviction: dict[str, Any] | None = None, **images: Any) -> Config:
    never = dict.fromkeys(SIGNALS, "0")
    sections = {"images": images, "eviction": {**never, "transitionPeriod": 0.0, **(eviction or {})}}
    return Config.model_validate({"nodeName": "host", **sections})


@pytest.fixture
def machine(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr("hostpod.engine.image_garbage.space_left", lambda _: (1000, 100_000))
    machine.paths.images.mkdir(parents=True)
    machine.spare = [NEW, OLD]
    machine.uses = {OLD.id: Use(came=0.0, used=1.0), NEW.id: Use(came=0.0, used=2.0)}
    return machine


@asynccontextmanager
async def collected(machine: Machine, host: Host) -> AsyncIterator[ImageGarbage]:
    """The collector as a task; it hears of every change, as it does in the daemon."""
    garbage = ImageGarbage(host.edges, ImageUsers(host.edges, host.engine))
    host.heard.append(garbage.pods_changed)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(garbage.run())
        await asyncio.sleep(0)
        yield garbage
        task.cancel()


def node_events(host: Host) -> list[tuple[str, str]]:
    return [
        (each["reason"], each["message"]) for each in host.node.events() if each["involvedObject"]["kind"] == "Node"
    ]


def test_what_no_pod_uses_goes_when_the_disk_is_full(machine: Machine) -> None:
    machine.config = settings(**FULL)

    async def run() -> None:
        async with a_host(machine, named("a", "1")) as host:
            await host.until_running()
            async with collected(machine, host):
                await host.until(lambda _: True)
                assert machine.removed == [OLD.id, NEW.id], "IMAGE is the pod's"
                reasons = [reason for reason, _ in node_events(host)]
                assert reasons == ["ImageRemoved", "ImageRemoved", "FreeDiskSpaceFailed"]
                assert node_events(host)[0][1].startswith('Removed image "old:1", unused for ')
                assert node_events(host)[0][1].endswith("s; 1000 bytes are free")
                words = node_events(host)[2][1]
                assert words.startswith("Failed to garbage collect required amount of images. Attempted to free ")
                assert words.endswith(" bytes, but only found 2000 bytes eligible to free.")

    asyncio.run(run())


def test_with_room_and_no_greatest_age_all_stay(machine: Machine) -> None:
    machine.config = settings(gcHighThresholdPercent=100)

    async def run() -> None:
        async with a_host(machine) as host, collected(machine, host) as garbage:
            assert (await garbage.collect()).wake_at is None
            garbage.pods_changed()
            assert machine.removed == []

    asyncio.run(run())


def test_the_age_and_pins_are_heeded_after_a_reload(machine: Machine) -> None:
    machine.config = settings(gcHighThresholdPercent=100)

    async def run() -> None:
        async with a_host(machine) as host, collected(machine, host) as garbage:
            machine.uses[NEW.id] = Use(came=0.0, used=now())
            old = settings(gcHighThresholdPercent=100, minimumGCAge=0, maximumGCAge=3600, pinned=["img"])
            host.engine.reconfigure(old)
            garbage.look_now()
            for _ in range(5):
                await asyncio.sleep(0)
            assert machine.removed == [OLD.id]

    asyncio.run(run())


def test_an_image_goes_when_the_last_pod_that_uses_it_has(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hostpod.engine.image_garbage.SETTLED_S", 0.01)
    machine.config = settings(**FULL, pinned=["old", "new"])

    async def run() -> None:
        async with a_host(machine, named("a", "1")) as host:
            await host.until_running()
            async with collected(machine, host):
                assert machine.removed == []
                host.apply()
                async with asyncio.timeout(10):
                    while not machine.removed:  # noqa: ASYNC110 - what is waited for tells nobody
                        await asyncio.sleep(0.01)
                assert machine.removed == [IMAGE.id]

    # IMAGE has no layer in it, so its end would free nothing.
    machine.spare = []
    monkeypatch.setattr("tests.unit.engine.machine.IMAGE", replace(IMAGE, layers=("sha256:layer",)))
    asyncio.run(run())


def test_an_image_that_came_is_a_reason_to_look(machine: Machine) -> None:
    machine.config = settings(**FULL)
    machine.spare = []

    async def run() -> None:
        async with a_host(machine) as host, collected(machine, host):
            machine.spare = [OLD]
            for told in machine.told_of_new:
                told()
            for _ in range(5):
                await asyncio.sleep(0)
            assert machine.removed == [OLD.id]

    asyncio.run(run())


def test_an_image_that_cannot_be_removed_is_told_of(machine: Machine) -> None:
    machine.config = settings(**FULL)
    machine.refusals["remove"] = ImagePullError("no")

    async def run() -> None:
        async with a_host(machine) as host, collected(machine, host):
            events = node_events(host)
            assert ("ImageGCFailed", 'cannot remove image "old:1": no') in events
            assert machine.removed == []

    asyncio.run(run())


def test_what_fails_twice_is_told_as_the_kubelet_tells_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.config = settings(**FULL)
    machine.spare = []

    async def run() -> None:
        async with a_host(machine) as host, collected(machine, host) as garbage:
            await garbage.collect()
            assert [reason for reason, _ in node_events(host)] == ["FreeDiskSpaceFailed"], "not each time"
            monkeypatch.setattr("hostpod.engine.image_garbage.TOLD_EVERY_S", 0.0)
            await garbage.collect()
            assert "ImageGCFailed" in [reason for reason, _ in node_events(host)]

    asyncio.run(run())


def test_images_go_before_pods(machine: Machine) -> None:
    machine.config = settings(gcHighThresholdPercent=100)

    async def run() -> None:
        async with a_host(machine, named("a", "1")) as host:
            watch = PressureWatch(host.edges, host.engine)
            await host.until_running()
            short = settings(
                gcHighThresholdPercent=100, eviction={"imagefsAvailable": "100%", "transitionPeriod": 3600.0}
            )
            host.engine.reconfigure(short)
            await watch.look()
            assert machine.removed == [OLD.id, NEW.id]
            assert not host.engine.evicted(), "it is looked again before a pod goes"
            await watch.look()
            assert list(host.engine.evicted()) == ["default/a"]
            host.engine.reconfigure(settings())
            await watch.look()

    asyncio.run(run())


def test_after_a_boot_images_of_pods_that_are_not_here_yet_stay(machine: Machine) -> None:
    machine.config = settings(**FULL)

    async def run() -> None:
        host = Host(machine)
        host.apply(named("a", "1", containers=[{"name": "web", "image": "old:1"}]))
        assert host.engine.states() == {}
        garbage = await ImageGarbage(host.edges, ImageUsers(host.edges, host.engine)).collect()
        assert OLD.id not in garbage.going

    asyncio.run(run())
