"""Images that volumes show: fetched and mounted once for the life of a pod."""

from __future__ import annotations

import asyncio

import pytest

from hostpod.engine.pod_images import duration_text
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


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.0234, "23ms"),
        (0.9999, "999ms"),
        (1.5, "1.5s"),
        (61.0, "1m1s"),
        (3723.25, "1h2m3.25s"),
        (-1, "0s"),
    ],
)
def test_durations_are_written_as_the_kubelet_does(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_pull_is_told_with_what_it_took_and_what_it_waited(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine, showing(pullPolicy="Always")) as host:
            await host.until_running()
            told = [each["message"] for each in host.node.events() if "fieldPath" not in each["involvedObject"]]
            assert told[0] == 'Pulling image "files"'
            assert told[1].startswith('Successfully pulled image "files" in ')
            assert " including waiting). Image size: " in told[1]

    asyncio.run(run())
