"""Images that volumes show: fetched and mounted once for the life of a pod."""

from __future__ import annotations

import asyncio

from hostpod.images import ImageNeverPulledError, ImagePullError
from hostpod.kube import Pod
from tests.unit.engine.a_host import a_host, named, until_killed
from tests.unit.engine.machine import Machine


def showing(**source: str) -> Pod:
    container = {"name": "web", "image": "img", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    volumes = [{"name": "v", "image": {"reference": "files", **source}}]
    return named("a", "u-a", containers=[container], volumes=volumes)


def test_it_is_mounted_before_the_container_is_made_and_unmounted_with_the_pod(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine, showing()) as host:
            await host.until_running()
            (place,) = machine.mounted
            assert place == host.edges.volumes.image_place("u-a", "v")
            told = [each["message"] for each in host.node.events() if "fieldPath" not in each["involvedObject"]]
            assert told == ['Container image "files" already present on machine']

    asyncio.run(run())
    assert machine.mounted == {}


def test_the_next_daemon_finds_it_mounted_and_asks_no_registry(machine: Machine) -> None:
    async def first() -> None:
        async with until_killed(machine, showing(pullPolicy="Always")) as host:
            await host.until_running()

    async def second() -> None:
        machine.refusals["ensure"] = ImagePullError("no route")
        async with a_host(machine, showing(pullPolicy="Always")) as host:
            await host.until(
                lambda pods: "volumeStatus" in pods["a"]["status"]["containerStatuses"][0]["volumeMounts"][0]
            )
            assert not any(each["reason"] == "Failed" for each in host.node.events())

    asyncio.run(first())
    asyncio.run(second())


def test_one_that_comes_later_is_looked_for_at_once(machine: Machine) -> None:
    async def run() -> None:
        machine.refusals["ensure"] = ImageNeverPulledError("it is not here")
        async with a_host(machine, showing(pullPolicy="Never")) as host:
            await host.until(lambda pods: pods and "ErrImageNeverPull" in str(pods["a"]["status"]))
            machine.refusals.clear()
            host.engine.retry_images()
            await host.until_running()

    asyncio.run(run())
