from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hostpod.host.logs import LogOptions
from hostpod.images import ImagePullError
from hostpod.kube import Pod, ResourceRequirements
from hostpod.kube.api_status import StatusError
from hostpod.volumes import VolumeError
from tests.unit.engine.a_host import Host, a_host, named, until_killed
from tests.unit.engine.machine import Machine, end

PROBLEM = {"file": "web.yaml", "line": 3, "text": "web.yaml:3: spec: wrong"}


def test_wishes_become_pods_and_go(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine) as host:
            assert host.engine.is_empty()
            host.apply(named("a", "1"), named("b", "2"))
            await host.until_running()
            assert host.engine.counts() == {"running": 2}
            assert not host.engine.is_empty()
            assert {wish.pod.uid for wishes in host.engine.adopted().values() for wish in wishes} == {"1", "2"}
            host.apply(named("b", "2"))
            await host.until(lambda pods: set(pods) == {"b"})
        assert host.engine.is_empty()

    asyncio.run(run())


def test_no_more_pods_than_there_is_room_for(machine: Machine) -> None:
    machine.config = machine.config.model_copy(update={"max_pods": 2})

    async def run() -> None:
        async with a_host(machine) as host:
            host.apply(named("b", "2"), named("c", "3"))
            await host.until_running()
            for _ in range(2):
                host.apply(named("a", "1"), named("b", "2"), named("c", "3"))
            pods = await host.until(lambda pods: "a" in pods)
            assert (pods["a"]["status"]["phase"], pods["a"]["status"]["reason"]) == ("Failed", "OutOfpods")
            assert pods["b"]["status"]["phase"] == pods["c"]["status"]["phase"] == "Running"
            assert host.engine.counts() == {"running": 2, "failed": 1}
            (event,) = (event for event in host.node.events() if event["reason"] == "OutOfpods")
            assert (event["involvedObject"]["name"], event["count"]) == ("a", 1)
            host.apply(named("a", "1"), named("b", "2"))
            await host.until(lambda pods: set(pods) == {"a", "b"})
            await host.until_running()

    asyncio.run(run())


def asking(name: str, uid: str, cpu: str, **spec: Any) -> Pod:
    """A pod that requests so much cpu; the machine has one."""
    pod = named(name, uid, **spec)
    resources = ResourceRequirements.model_validate({"requests": {"cpu": cpu}})
    (web,) = pod.spec.containers
    containers = (web.model_copy(update={"resources": resources}),)
    return pod.model_copy(update={"spec": pod.spec.model_copy(update={"containers": containers})})


def test_a_pod_that_does_not_fit_comes_when_another_has_ended_for_good(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine) as host:
            host.apply(asking("a", "1", "1", restartPolicy="Never"), asking("b", "2", "1"))
            pods = await host.until(lambda pods: "a" in pods and pods["a"]["status"]["phase"] == "Running")
            assert pods["b"]["status"]["reason"] == "OutOfcpu"
            assert pods["b"]["status"]["message"] == (
                "Pod was rejected: Node didn't have enough resource: cpu, requested: 1000, used: 1000, capacity: 1000"
            )
            state = host.engine.pod_state("default", "a")
            assert state is not None
            for record in state.containers.values():
                assert record.pid is not None
                end(record.pid)
            pods = await host.until(lambda pods: pods["b"]["status"]["phase"] == "Running")
            assert pods["a"]["status"]["phase"] == "Failed"

    asyncio.run(run())


def test_a_change_that_does_not_fit_leaves_the_pod_as_it_is_over_a_restart_too(machine: Machine) -> None:
    async def run() -> None:
        async with until_killed(machine, asking("a", "1", "1")) as host:
            await host.until_running()
            host.apply(asking("a", "2", "2"))
            (event,) = (event for event in host.node.events() if event["reason"] == "OutOfcpu")
            assert event["involvedObject"]["uid"] == "2"
            assert {pod["metadata"]["uid"] for pod in host.node.pods()} == {"1"}
        async with a_host(machine, asking("a", "2", "2")) as host:
            pods = await host.until(lambda pods: pods["a"]["status"]["phase"] == "Running")
            assert pods["a"]["metadata"]["uid"] == "1"
            host.apply(asking("a", "3", "500m"))
            await host.until(lambda pods: pods["a"]["metadata"]["uid"] == "3")
            await host.until_running()

    asyncio.run(run())


def test_nothing_new_comes_while_the_node_is_short_of_something(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine, named("a", "1")) as host:
            await host.until_running()
            host.engine.show_conditions(frozenset({"DiskPressure"}))
            host.apply(named("a", "1"), named("b", "2"))
            pods = await host.until(lambda pods: "b" in pods)
            assert (pods["a"]["status"]["phase"], pods["b"]["status"]["reason"]) == ("Running", "Evicted")
            assert pods["b"]["status"]["message"] == "Pod was rejected: The node had condition: [DiskPressure]. "
            host.engine.show_conditions(frozenset())
            await host.until_running()

    asyncio.run(run())


def test_a_watch_of_the_node(machine: Machine) -> None:
    async def run() -> list[str]:
        async with a_host(machine) as host:
            host.apply(named("a", "1"))
            await host.until_running()
            watch = host.node.watch_pods()
            told = [await anext(watch)]
            host.apply(named("a", "2"))
            while told[-1]["type"] != "ADDED" or len(told) == 1:
                told.append(await anext(watch))
            await host.until_running()
            return [change["type"] for change in told if change["type"] != "MODIFIED"]

    assert asyncio.run(run()) == ["ADDED", "DELETED", "ADDED"]


async def _log(host: Host, **options: Any) -> bytes:
    log = await host.node.logs(namespace="default", pod="a", container="web", options=LogOptions(**options))
    return b"".join([chunk async for chunk in log])


def test_logs_and_commands(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine) as host:
            host.apply(named("a"))
            await host.until_running()
            assert await _log(host) == b"hello\n"
            with pytest.raises(StatusError, match="previous terminated container"):
                await _log(host, previous=True)
            command = host.node.exec(
                namespace="default", pod="a", container="web", command=["echo", "hi"], tty=False, stdin=False
            )
            async with command as session:
                assert [data async for _, data in session.output()] == [b"hi\n"]
                assert await session.exit_code() == 0

    asyncio.run(run())


def test_what_tokens_are_verified_by(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine) as host:
            assert host.node.token_issuer == "https://host"
            assert await host.node.public_keys() == {"keys": []}
            machine.refusals["public_keys"] = VolumeError("cannot read the key of tokens")
            with pytest.raises(StatusError, match="cannot read the key of tokens"):
                await host.node.public_keys()

    asyncio.run(run())


def test_what_cannot_be_read_or_run_says_why(machine: Machine) -> None:
    machine.refusals["ensure"] = ImagePullError("cannot pull img")

    async def run() -> None:
        async with a_host(machine) as host:
            with pytest.raises(StatusError, match='container "web" in pod "a" is not available'):
                await _log(host)
            host.apply(named("a"))
            await host.until(
                lambda pods: "message" in str(pods.get("a", {}).get("status", {}).get("containerStatuses"))
            )
            with pytest.raises(StatusError, match='"web" in pod "a" is waiting to start: '):
                await _log(host)
            with pytest.raises(StatusError, match='container "web" of pod "a" is not running'):
                async with host.node.exec(
                    namespace="default", pod="a", container="web", command=["true"], tty=False, stdin=False
                ):
                    pass
            with pytest.raises(StatusError, match='pod "none" in namespace "default" is not on this node'):
                async with host.node.exec(
                    namespace="default", pod="none", container="web", command=["true"], tty=False, stdin=False
                ):
                    pass

    asyncio.run(run())


def test_a_problem_is_an_event_once(machine: Machine) -> None:
    async def run() -> None:
        host = Host(machine)
        host.node.show_problems([PROBLEM])
        host.node.show_problems([PROBLEM, {**PROBLEM, "line": 4, "text": "web.yaml:4: spec: wrong too"}])
        assert [(event["message"], event["count"]) for event in host.node.events()] == [
            ("web.yaml:3: spec: wrong", 1),
            ("web.yaml:4: spec: wrong too", 1),
        ]
        assert len(host.node.problems()) == 2
        host.node.show_problems([])
        host.node.show_problems([PROBLEM])
        assert host.node.events()[-1]["count"] == 2

    asyncio.run(run())


def test_volumes(machine: Machine) -> None:
    claim = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
    where = machine.paths.claims / "default" / "data"
    where.mkdir(parents=True)
    (where / "file").write_bytes(b"x" * 5000)
    told = {"metadata": {"name": "data", "namespace": "default"}, "path": str(where)}

    async def run() -> None:
        async with a_host(machine, named("a", "1", volumes=[claim]), named("b", "2")) as host:
            await host.until_running()
            (shown,) = await host.node.volumes(namespace=None, usage=False)
            assert shown == {"apiVersion": "hostpod/v1", **told, "usedBy": ["a"]}
            (shown,) = await host.node.volumes(namespace="default", usage=True)
            assert shown["usedBytes"] >= 5000
            assert await host.node.volumes(namespace="other", usage=False) == []

    asyncio.run(run())


def test_what_is_only_warned_of_is_an_event_of_its_own(machine: Machine) -> None:
    async def run() -> None:
        host = Host(machine)
        host.node.show_problems([{**PROBLEM, "warning": True}, PROBLEM])
        assert [event["reason"] for event in host.node.events()] == ["PodSecurity", "FailedValidation"]

    asyncio.run(run())


def test_images(machine: Machine) -> None:
    async def run() -> None:
        (image,) = Host(machine).node.images()
        assert image == {"id": "sha256:1", "references": ["img"], "repoDigests": [], "sizeBytes": 5, "created": ""}

    asyncio.run(run())
