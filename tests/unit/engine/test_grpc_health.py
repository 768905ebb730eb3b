from __future__ import annotations

import asyncio
import socket

import pytest

from hostpod.engine.grpc_health import GrpcHealthError, grpc_check
from tests.unit.engine.grpc_server import SERVING, Health, healthy
from tests.unit.engine.servers import said, serving


def check(health: Health, *, service: str = "", timeout_s: float = 30) -> Health:
    async def run() -> Health:
        async with healthy(health):
            await grpc_check("127.0.0.1", health.port, service, timeout_s=timeout_s)
            return health

    return asyncio.run(run())


def words(health: Health, *, timeout_s: float = 30) -> str:
    with pytest.raises(GrpcHealthError) as caught:
        check(health, timeout_s=timeout_s)
    return str(caught.value).replace(str(health.port), "PORT")


def test_a_service_that_is_healthy() -> None:
    health = check(Health(), service="shop")
    assert health.asked == b"\0\0\0\0\x06\x0a\x04shop"
    assert health.headers[":path"] == "/grpc.health.v1.Health/Check"
    assert health.headers[":authority"] == f"127.0.0.1:{health.port}"
    assert health.headers["user-agent"] == "kube-probe/1.36"
    assert health.headers["grpc-timeout"] == "30000m"


def test_the_server_as_a_whole() -> None:
    assert check(Health()).asked == b"\0\0\0\0\0"


def test_the_name_of_a_service_may_be_long() -> None:
    name = "s" * 300
    assert check(Health(), service=name).asked == b"\0\0\0\x01\x2f\x0a\xac\x02" + name.encode()


@pytest.mark.parametrize(
    "answer",
    [b"\0\0\0\0\x04\x12\x00\x08\x01", b"\0\0\0\0\x05\x12\x01x\x08\x01", b"\0\0\0\0\x04\x08\x01\x18\x07"],
)
def test_fields_that_are_not_known_are_passed_over(answer: bytes) -> None:
    check(Health(answer=answer))


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"\0\0\0\0\0", "UNKNOWN"),
        (b"\0\0\0\0\x02\x08\x02", "NOT_SERVING"),
        (b"\0\0\0\0\x02\x08\x03", "SERVICE_UNKNOWN"),
        (b"\0\0\0\0\x02\x08\x09", "9"),
    ],
)
def test_a_service_that_is_not(answer: bytes, status: str) -> None:
    assert words(Health(answer=answer)) == f'service unhealthy (responded with "{status}")'


@pytest.mark.parametrize(
    "answer", [b"", b"\0\0\0\0\x05\x08\x01", b"\x01" + SERVING[1:], b"\0\0\0\0\x02\x0d\x01", b"\0\0\0\0\1\x88"]
)
def test_answers_that_are_none(answer: bytes) -> None:
    assert words(Health(answer=answer)) == (
        "error: health rpc probe failed: rpc error: code = Internal desc = the answer is no HealthCheckResponse"
    )


@pytest.mark.parametrize("trailers_only", [True, False])
def test_a_server_without_the_protocol(trailers_only: bool) -> None:
    assert words(Health(code="12", words="unknown%20service", trailers_only=trailers_only)) == (
        "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service"
    )


@pytest.mark.parametrize(
    ("code", "name"), [("5", "NotFound"), ("2", "Unknown"), ("99", "Code(99)"), ("x", "Unknown"), ("", "Unknown")]
)
def test_errors_of_the_call(code: str, name: str) -> None:
    assert words(Health(code=code, words="why")) == (
        f"error: health rpc probe failed: rpc error: code = {name} desc = why"
    )


def test_a_server_that_answers_with_a_page() -> None:
    assert words(Health(http_status="502", trailers_only=True)).endswith(
        "code = Unknown desc = unexpected HTTP status code received from server: 502"
    )


def test_a_call_that_is_cut_off() -> None:
    assert words(Health(resets=True)) == (
        "error: health rpc probe failed: rpc error: code = Unavailable desc = "
        "stream terminated by RST_STREAM with error code: 8"
    )
    assert words(Health(closes=True)) == (
        "error: health rpc probe failed: rpc error: code = Unavailable desc = "
        "the server closed the connection with error code: 11"
    )


def test_an_answer_that_is_too_large() -> None:
    assert words(Health(answer=bytes(16_000))).endswith("code = Unavailable desc = the answer is too large")


def test_a_server_that_does_not_answer_in_time() -> None:
    assert words(Health(silent=True), timeout_s=0.5) == "timeout: health rpc did not complete within 0.5s"


def test_a_server_that_does_not_greet_in_time() -> None:
    async def run() -> str:
        async with serving(None) as served:
            with pytest.raises(GrpcHealthError) as caught:
                await grpc_check("127.0.0.1", served.port, "", timeout_s=0.2)
            return str(caught.value).replace(str(served.port), "PORT")

    late = 'timeout: failed to connect service "127.0.0.1:PORT" within 0.2s: context deadline exceeded'
    assert asyncio.run(run()) == late


def test_a_server_that_speaks_something_else() -> None:
    async def run() -> str:
        async with serving(said("400 Bad Request")) as served:
            with pytest.raises(GrpcHealthError) as caught:
                await grpc_check("127.0.0.1", served.port, "", timeout_s=30)
            return str(caught.value).replace(str(served.port), "PORT")

    assert asyncio.run(run()).startswith('error: failed to connect service at "127.0.0.1:PORT": ')


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(GrpcHealthError) as caught:
            asyncio.run(grpc_check("127.0.0.1", port, "", timeout_s=30))
    dialled = f'"127.0.0.1:{port}": dial tcp 127.0.0.1:{port}: connect: connection refused'
    assert str(caught.value) == f"error: failed to connect service at {dialled}"
