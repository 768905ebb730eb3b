"""What probes ask, on the wire: headers, TLS, redirects, gRPC; and that one which hangs is nobody else's trouble."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.integration.crash_kit import until
from tests.integration.harness import EVERY_SECOND, FOREVER, Daemon, container, pod
from tests.unit.engine.grpc_server import Health, healthy
from tests.unit.engine.servers import Served, certificate, said, serving

pytestmark = pytest.mark.integration

T = TypeVar("T")


@contextmanager
def running(server: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """A server of the host, in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def call(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    async def enter() -> T:
        return await server.__aenter__()

    async def leave() -> None:
        await server.__aexit__(None, None, None)

    try:
        yield call(enter())
        asyncio.run_coroutine_threadsafe(leave(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def probed(name: str, *, host_network: bool = False, **probe: Any) -> dict[str, Any]:
    """A pod that is ready when this probe passes."""
    asked = container("c0", FOREVER, readinessProbe=EVERY_SECOND | probe)
    return pod(name, containers=[asked], hostNetwork=host_network)


def messages(node: Daemon, name: str, reason: str) -> list[str]:
    return [e["message"] for e in node.events() if e["involvedObject"]["name"] == name and e["reason"] == reason]


def on_host(served: Served, **action: Any) -> dict[str, Any]:
    return {"httpGet": {"host": "127.0.0.1", "port": served.port, **action}}


def test_the_headers_of_an_http_probe(node: Daemon) -> None:
    headers = [{"name": "Host", "value": "shop.example"}, {"name": "X-Token", "value": "t"}]
    with running(serving(said("200 OK"))) as served:
        node.drop("web.yaml", probed("web", **on_host(served, path="/healthz?full=1", httpHeaders=headers)))
        node.wait_container("web-lab", lambda each: each["ready"], what="ready")
        lines = served.heads[0].split("\r\n")
    assert lines[:2] == ["GET /healthz?full=1 HTTP/1.1", "Host: shop.example"]
    assert {"User-Agent: kube-probe/1.36", "Accept: */*", "X-Token: t"} <= set(lines)


def test_https_believes_any_certificate(node: Daemon, tmp_path: Path) -> None:
    context: ssl.SSLContext = certificate(tmp_path)
    with running(serving(said("200 OK"), tls=context)) as served:
        node.drop("tls.yaml", probed("tls", **on_host(served, scheme="HTTPS")))
        node.wait_container("tls-lab", lambda each: each["ready"], what="ready")


def test_a_redirect_on_the_host_is_followed(node: Daemon) -> None:
    with running(serving(said("302 Found", "Location: /there"), said("200 OK"))) as served:
        node.drop("moved.yaml", probed("moved", **on_host(served)))
        node.wait_container("moved-lab", lambda each: each["ready"], what="ready")
        assert served.heads[1].startswith("GET /there ")
    assert messages(node, "moved-lab", "ProbeWarning") == []


def test_a_redirect_to_another_host_passes_with_a_warning(node: Daemon) -> None:
    with running(serving(said("302 Found", "Location: http://elsewhere.example/", body="go"))) as served:
        node.drop("away.yaml", probed("away", **on_host(served)))
        node.wait_container("away-lab", lambda each: each["ready"], what="ready")
    words = "Readiness probe warning: Probe terminated redirects, Response body: go"
    assert messages(node, "away-lab", "ProbeWarning")[0] == words


@pytest.mark.everywhere
def test_grpc(node: Daemon) -> None:
    """Probing container should *not* be restarted with a GRPC liveness probe, and be restarted where it says so."""
    health = Health()
    with running(healthy(health, address="0.0.0.0")):
        probe = {"grpc": {"port": health.port, "service": "shop"}}
        node.drop("grpc.yaml", probed("grpc", host_network=True, **probe))
        node.wait_container("grpc-lab", lambda each: each["ready"], what="ready")
        assert health.asked.startswith(b"\0\0\0\0\x06\x0a\x04shop")
        health.answer = b"\0\0\0\0\x02\x08\x02"
        node.wait_container("grpc-lab", lambda each: not each["ready"], what="not ready")
    words = 'Readiness probe failed: service unhealthy (responded with "NOT_SERVING")'
    assert messages(node, "grpc-lab", "Unhealthy")[0] == words


def test_probes_that_hang_keep_no_other_from_its_time(node: Daemon) -> None:
    with running(serving(None)) as silent, running(serving(said("200 OK"))) as served:
        hangs = {"timeoutSeconds": 3600, **on_host(silent)}
        for number in range(4):
            each = [container(f"c{at}", FOREVER, readinessProbe=hangs, livenessProbe=hangs) for at in range(2)]
            node.drop(f"hang{number}.yaml", pod(f"hang{number}", containers=each))
        until(lambda: len(silent.heads) == 16, "all of them hang")
        node.drop("web.yaml", probed("web", **on_host(served)))
        node.wait_container("web-lab", lambda each: each["ready"], what="ready")
        assert len(silent.heads) == 16
