"""Probes of real servers on loopback, and of commands that the machine's runc runs on the host."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hostpod.engine.edges import Edges
from hostpod.engine.prober import ProbeLabels, Prober, ProbeResult, ProbeTarget
from hostpod.engine.probes import Asked, Outcome, asking
from hostpod.host.clock import now
from hostpod.kube import Container, Pod
from hostpod.plan.probing import ProbeKind
from tests.unit.engine.grpc_server import Health, healthy
from tests.unit.engine.machine import Machine
from tests.unit.engine.servers import Served, said, serving

CID = "c" * 64


def pod_of(container: Container, *, sidecar: bool = False) -> Pod:
    spec: dict[str, Any] = {"containers": [{"name": "main"}], "initContainers": []}
    spec["initContainers" if sidecar else "containers"] += [container.model_dump(by_alias=True, exclude_none=True)]
    return Pod.model_validate({"metadata": {"name": "web", "namespace": "shop", "uid": "u1"}, "spec": spec})


def container_of(kind: ProbeKind = "readiness", **probe: Any) -> Container:
    content = {"name": "c", "env": [{"name": "CODE", "value": "3"}], "ports": [], f"{kind}Probe": probe}
    return Container.model_validate(content)


def target_of(
    kind: ProbeKind = "readiness", *, cid: str = CID, passing: bool | None = None, ago_s: float = 0, **probe: Any
) -> ProbeTarget:
    container = container_of(kind, **{"periodSeconds": 1, "timeoutSeconds": 30, **probe})
    return ProbeTarget(
        cid=cid, kind=kind, pod=pod_of(container), container=container, address="127.0.0.1",
        started_at=now() - ago_s, passing=passing,
    )  # fmt: skip


# One probe


def outcome(edges: Edges, *, address: str = "127.0.0.1", **probe: Any) -> Coroutine[Any, Any, Outcome]:
    (edges.paths.pod("u1").container(CID).bundle).mkdir(parents=True, exist_ok=True)
    container = container_of(**{"timeoutSeconds": 30, **probe})
    assert container.readiness_probe
    asked = Asked(pod=pod_of(container), container=container, cid=CID, address=address)
    return asking(container.readiness_probe, asked, edges)()


def served_outcome(machine: Machine, answer: bytes | None, **action: dict[str, Any]) -> Outcome:
    async def run() -> Outcome:
        async with serving(answer) as served:
            probe: dict[str, Any] = {name: {**content, "port": served.port} for name, content in action.items()}
            found = await outcome(machine.edges(), **probe)
            return replace(found, message=found.message.replace(str(served.port), "PORT"))

    return asyncio.run(run())


def refusing_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_http(machine: Machine) -> None:
    assert served_outcome(machine, said("200 OK"), httpGet={}) == Outcome(result="successful")
    failed = served_outcome(machine, said("500 Oh"), httpGet={"path": "/healthz"})
    assert failed == Outcome(result="failed", message="HTTP probe failed with statuscode: 500")
    warned = served_outcome(machine, said("302 Found", "Location: http://elsewhere.example/", body="go"), httpGet={})
    assert warned == Outcome(result="successful", warning="Probe terminated redirects, Response body: go")


def test_http_that_is_not_answered(machine: Machine) -> None:
    failed = served_outcome(machine, b"", httpGet={})
    assert failed == Outcome(result="failed", message='Get "http://127.0.0.1:PORT/": EOF')


def test_tcp(machine: Machine) -> None:
    assert served_outcome(machine, None, tcpSocket={}) == Outcome(result="successful")
    port = refusing_port()
    failed = asyncio.run(outcome(machine.edges(), tcpSocket={"port": port}))
    assert failed == Outcome(result="failed", message=f"dial tcp 127.0.0.1:{port}: connect: connection refused")


def test_tcp_to_another_host(machine: Machine) -> None:
    async def run() -> Outcome:
        async with serving(None) as served:
            action = {"port": served.port, "host": "127.0.0.1"}
            return await outcome(machine.edges(), address="192.0.2.1", tcpSocket=action)

    assert asyncio.run(run()).result == "successful"


def test_tcp_to_a_name_that_is_not_known(machine: Machine) -> None:
    failed = asyncio.run(outcome(machine.edges(), tcpSocket={"port": 80, "host": "nothing.invalid"}))
    assert failed.result == "failed"
    assert failed.message.startswith("dial tcp: lookup nothing.invalid: ")


def test_tcp_that_nobody_takes_in_time(machine: Machine) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            failed = asyncio.run(outcome(machine.edges(), tcpSocket={"port": port}, timeoutSeconds=1))
    assert failed == Outcome(result="failed", message=f"dial tcp 127.0.0.1:{port}: i/o timeout")


def test_a_port_by_a_name_that_the_container_has_not(machine: Machine) -> None:
    unknown = asyncio.run(outcome(machine.edges(), httpGet={"port": "http"}))
    assert unknown == Outcome(result="unknown", message='container "c" has no port named "http"')


def test_a_probe_that_asks_nothing(machine: Machine) -> None:
    assert asyncio.run(outcome(machine.edges())).result == "unknown"


def test_grpc(machine: Machine) -> None:
    async def run(health: Health) -> Outcome:
        async with healthy(health):
            return await outcome(machine.edges(), grpc={"port": health.port, "service": "shop"})

    health = Health()
    assert asyncio.run(run(health)) == Outcome(result="successful")
    assert health.asked.endswith(b"shop")
    failed = asyncio.run(run(Health(code="5", words="unknown service")))
    words = "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service"
    assert failed == Outcome(result="failed", message=words)


def command(machine: Machine, *argv: str, **probe: Any) -> Outcome:
    return asyncio.run(outcome(machine.edges(), exec={"command": list(argv)}, **probe))


def test_exec(machine: Machine) -> None:
    assert command(machine, "true") == Outcome(result="successful")
    assert command(machine, "sh", "-c", "echo no; exit $(CODE)") == Outcome(result="failed", message="no")
    late = command(machine, "sleep", "1000", timeoutSeconds=1)
    assert late == Outcome(result="failed", message='command timed out: "sleep 1000" timed out after 1s')


def test_exec_that_cannot_be_run(machine: Machine) -> None:
    assert command(machine, "/nowhere/x").result == "unknown"


def test_exec_in_a_container_whose_files_are_gone(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    edges = machine.edges()

    def no_descriptors(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "pipe2", no_descriptors)
    unknown = asyncio.run(outcome(edges, exec={"command": ["true"]}))
    assert unknown == Outcome(result="unknown", message="too many open files")


# Again and again


class Told:
    """What the prober told, and a way to wait for it."""

    def __init__(self) -> None:
        self.results: list[ProbeResult] = []
        self._new = asyncio.Event()

    def __call__(self, result: ProbeResult) -> None:
        self.results.append(result)
        self._new.set()

    async def next(self) -> ProbeResult:
        await self._new.wait()
        self._new.clear()
        return self.results[-1]


def messages(edges: Edges) -> list[tuple[str, str, str]]:
    events = edges.events.rendered()
    return [(event["involvedObject"]["fieldPath"], event["reason"], event["message"]) for event in events]


def probing(edges: Edges, body: Callable[[Prober, Told, asyncio.TaskGroup], Awaitable[None]]) -> None:
    async def run() -> None:
        told = Told()
        prober = Prober(edges, told)
        async with asyncio.TaskGroup() as tasks:
            await body(prober, told, tasks)
            prober.want((), tasks)

    asyncio.run(run())


def http(served: Served) -> dict[str, Any]:
    return {"httpGet": {"port": served.port}}


def test_a_container_gets_ready_and_is_not_any_more(machine: Machine) -> None:
    edges = machine.edges()

    async def body(prober: Prober, told: Told, tasks: asyncio.TaskGroup) -> None:
        async with serving(said("503 No"), said("200 OK"), said("500 Oh")) as served:
            target = target_of(failureThreshold=1, **http(served))
            prober.want([target], tasks)
            assert await told.next() == ProbeResult(cid=CID, kind="readiness", passing=True, message="")
            words = "HTTP probe failed with statuscode: 500"
            assert await told.next() == ProbeResult(cid=CID, kind="readiness", passing=False, message=words)
        assert served.heads

    probing(edges, body)
    assert messages(edges)[:2] == [
        ("spec.containers{c}", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
        ("spec.containers{c}", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500"),
    ]


def test_what_is_asked_is_counted(machine: Machine) -> None:
    async def body(prober: Prober, told: Told, tasks: asyncio.TaskGroup) -> None:
        async with serving(said("500 Oh"), said("200 OK")) as served:
            prober.want([target_of("startup", **http(served))], tasks)
            await told.next()
        labels = {"probe_type": "Startup", "container": "c", "pod": "web", "namespace": "shop", "pod_uid": "u1"}
        assert prober.counts == {
            ProbeLabels(result="failed", **labels): 1,
            ProbeLabels(result="successful", **labels): 1,
        }

    probing(machine.edges(), body)


def test_a_started_container_is_not_asked_again_whether_it_has(machine: Machine) -> None:
    async def body(prober: Prober, told: Told, tasks: asyncio.TaskGroup) -> None:
        async with serving(said("200 OK")) as served:
            target = target_of("startup", **http(served))
            prober.want([target], tasks)
            assert (await told.next()).passing
            prober.want([target], tasks)
            other = target_of("readiness", cid="d" * 64, initialDelaySeconds=2, **http(served))
            prober.want([target, other], tasks)
            assert (await told.next()).kind == "readiness"
            assert len(served.heads) == 2

    probing(machine.edges(), body)


def test_a_container_that_does_not_live_is_told_once(machine: Machine) -> None:
    async def body(prober: Prober, told: Told, tasks: asyncio.TaskGroup) -> None:
        async with serving(said("500 Oh")) as served:
            target = target_of("liveness", failureThreshold=1, **http(served))
            prober.want([target], tasks)
            assert await told.next() == ProbeResult(
                cid=CID, kind="liveness", passing=False, message="HTTP probe failed with statuscode: 500"
            )
            prober.want([target], tasks)
            assert len(served.heads) == 1

    probing(machine.edges(), body)


def test_what_an_earlier_daemon_knew_needs_its_threshold_to_change(machine: Machine) -> None:
    async def body(prober: Prober, told: Told, tasks: asyncio.TaskGroup) -> None:
        async with serving(said("500 Oh")) as served:
            prober.want([target_of(failureThreshold=2, passing=True, ago_s=1000, **http(served))], tasks)
            assert not (await told.next()).passing
            assert len(served.heads) == 2

    probing(machine.edges(), body)


def test_a_probe_that_cannot_be_carried_out_changes_nothing(machine: Machine) -> None:
    edges = machine.edges()

    async def body(prober: Prober, told: Told, tasks: asyncio.TaskGroup) -> None:
        prober.want([target_of("liveness", failureThreshold=1, httpGet={"port": "http"})], tasks)
        async for _ in edges.events.watch():
            break
        assert told.results == []

    probing(edges, body)
    why = 'errored and resulted in unknown state: container "c" has no port named "http"'
    assert messages(edges) == [("spec.containers{c}", "Unhealthy", f"Liveness probe {why}")]


def test_a_redirect_elsewhere_is_warned_of(machine: Machine) -> None:
    edges = machine.edges()

    async def body(prober: Prober, told: Told, tasks: asyncio.TaskGroup) -> None:
        async with serving(said("302 Found", "Location: http://elsewhere.example/")) as served:
            prober.want([target_of(**http(served))], tasks)
            assert (await told.next()).passing

    probing(edges, body)
    words = "Readiness probe warning: Probe terminated redirects, Response body: "
    assert messages(edges) == [("spec.containers{c}", "ProbeWarning", words)]


def test_a_sidecar_is_an_init_container_in_events(machine: Machine) -> None:
    edges = machine.edges()

    async def body(prober: Prober, told: Told, tasks: asyncio.TaskGroup) -> None:
        target = target_of("liveness", failureThreshold=1, tcpSocket={"port": refusing_port()})
        sidecar = ProbeTarget(
            cid=CID, kind="liveness", pod=pod_of(target.container, sidecar=True), container=target.container,
            address="127.0.0.1", started_at=target.started_at,
        )  # fmt: skip
        prober.want([sidecar], tasks)
        await told.next()

    probing(edges, body)
    assert [message[0] for message in messages(edges)] == ["spec.initContainers{c}"]


def test_a_probe_that_hangs_delays_no_other(machine: Machine) -> None:
    async def body(prober: Prober, told: Told, tasks: asyncio.TaskGroup) -> None:
        async with serving(None) as silent, serving(said("200 OK")) as served:
            hanging = [
                target_of("liveness", cid=f"{number:064x}", timeoutSeconds=3600, **http(silent)) for number in range(50)
            ]
            prober.want(hanging, tasks)
            await silent.asked(50)
            prober.want([*hanging, target_of(**http(served))], tasks)
            assert (await told.next()).cid == CID
            assert len(silent.heads) == 50

    probing(machine.edges(), body)


def test_what_is_not_wanted_any_more_stops_at_once_with_what_it_runs(machine: Machine, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    edges = machine.edges()
    edges.paths.pod("u1").container(CID).bundle.mkdir(parents=True)

    async def body(prober: Prober, told: Told, tasks: asyncio.TaskGroup) -> None:
        script = f"echo $$$$ > {fifo}; exec sleep 1000"  # of two dollars $(…) leaves one
        prober.want([target_of(exec={"command": ["sh", "-c", script]}, timeoutSeconds=3600)], tasks)
        pid = int(await asyncio.to_thread(fifo.read_text))
        prober.want((), tasks)
        with suppress(ProcessLookupError):
            pidfd = os.pidfd_open(pid)
            gone = asyncio.Event()
            asyncio.get_running_loop().add_reader(pidfd, gone.set)
            await gone.wait()
            asyncio.get_running_loop().remove_reader(pidfd)
            os.close(pidfd)
        assert told.results == []

    probing(edges, body)


def test_a_start_that_lies_in_the_future_is_now(machine: Machine) -> None:
    async def body(prober: Prober, told: Told, tasks: asyncio.TaskGroup) -> None:
        async with serving(said("200 OK")) as served:
            prober.want([target_of(ago_s=-1e6, **http(served))], tasks)
            assert (await told.next()).passing

    probing(machine.edges(), body)
