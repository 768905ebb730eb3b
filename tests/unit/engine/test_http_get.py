from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from hostpod.engine.http_get import HttpAnswer, HttpGetError, http_get
from hostpod.engine.http_request import HttpRequest, http_request
from hostpod.kube import Container, HTTPGetAction, HTTPHeader
from tests.unit.engine.servers import certificate, said, serving

CONTAINER = Container(name="web")


def request(
    port: int, *, path: str = "/", scheme: str = "HTTP", headers: tuple[tuple[str, str], ...] = ()
) -> HttpRequest:
    given = tuple(HTTPHeader(name=name, value=value) for name, value in headers)
    action = HTTPGetAction(port=port, path=path, scheme=scheme, http_headers=given)
    return http_request(action, CONTAINER, "127.0.0.1", "probe")


async def get(port: int, *, timeout_s: float = 30, **request_of: object) -> HttpAnswer:
    return await http_get(request(port, **request_of), timeout_s=timeout_s)  # type: ignore[arg-type]


def asked(*answers: bytes | None, timeout_s: float = 30, **request_of: object) -> tuple[HttpAnswer, list[str]]:
    async def run() -> tuple[HttpAnswer, list[str]]:
        async with serving(*answers) as served:
            return await get(served.port, timeout_s=timeout_s, **request_of), served.heads

    return asyncio.run(run())


def refused(*answers: bytes | None, timeout_s: float = 30, **request_of: object) -> str:
    async def run() -> str:
        async with serving(*answers) as served:
            with pytest.raises(HttpGetError) as caught:
                await get(served.port, timeout_s=timeout_s, **request_of)
            return str(caught.value).replace(str(served.port), "PORT")

    return asyncio.run(run())


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "399 Odd"])
def test_these_are_good(status: str) -> None:
    answer, _ = asked(said(status))
    assert (answer.status, answer.good) == (int(status[:3]), True)


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "500 Internal Server Error"])
def test_these_are_not(status: str) -> None:
    answer, _ = asked(said(status))
    assert (answer.status, answer.good, answer.redirected_elsewhere) == (int(status[:3]), False, False)


def test_the_request_is_the_kubelets() -> None:
    _, [head] = asked(said("200 OK"), path="/healthz?full=1")
    lines = head.split("\r\n")
    assert lines[0] == "GET /healthz?full=1 HTTP/1.1"
    assert lines[1].startswith("Host: 127.0.0.1:")
    assert lines[2:] == ["User-Agent: kube-probe/1.36", "Accept: */*", "Connection: close", "", ""]


def test_what_is_only_information_comes_before_the_answer() -> None:
    answer, _ = asked(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + said("200 OK", body="x"))
    assert answer == HttpAnswer(status=200, body=b"x")


def test_a_body_in_chunks() -> None:
    answer, _ = asked(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert answer.body == b"abcde"


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    answer, _ = asked(b"HTTP/1.1 200 OK\r\n\r\nabc")
    assert answer.body == b"abc"


def test_ten_kilobytes_of_a_body_are_read() -> None:
    answer, _ = asked(said("200 OK", body="x" * 500_000))
    assert answer.body == b"x" * 10240


@pytest.mark.parametrize(
    "truncated", [b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"]
)
def test_the_status_decides_whatever_becomes_of_the_body(truncated: bytes) -> None:
    answer, _ = asked(b"HTTP/1.1 200 OK\r\n" + truncated)
    assert (answer.good, answer.body) == (True, b"abc")


def test_the_status_decides_where_the_body_takes_too_long() -> None:
    async def run() -> HttpAnswer:
        hold = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            await hold.wait()
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        try:
            return await get(server.sockets[0].getsockname()[1], timeout_s=0.5)
        finally:
            hold.set()
            server.close()

    assert asyncio.run(run()).good


# Redirects


def test_redirects_on_the_same_host_are_followed_with_the_same_headers() -> None:
    moved = said("302 Found", "Location: /there?x=1")
    answer, heads = asked(moved, said("200 OK"), headers=(("Host", "shop.example"), ("X-Token", "t")))
    assert answer.good
    assert not answer.redirected_elsewhere
    assert [head.split("\r\n")[:2] for head in heads] == [
        ["GET / HTTP/1.1", "Host: shop.example"],
        ["GET /there?x=1 HTTP/1.1", "Host: shop.example"],
    ]
    assert all("X-Token: t" in head for head in heads)


def test_a_redirect_to_another_port_of_the_host_is_followed_and_names_it() -> None:
    async def run() -> tuple[HttpAnswer, list[str], int]:
        async with serving(said("200 OK")) as other:
            moved = said("307 Temporary Redirect", f"Location: http://127.0.0.1:{other.port}/y")
            async with serving(moved) as first:
                answer = await get(first.port, headers=(("Host", "shop.example"),))
            return answer, other.heads, other.port

    answer, [head], port = asyncio.run(run())
    assert answer.status == 200
    assert head.split("\r\n")[:2] == ["GET /y HTTP/1.1", f"Host: 127.0.0.1:{port}"]


@pytest.mark.parametrize("location", ["https://login.example/", "//login.example/x", "ftp://127.0.0.1/", "http://[::1"])
def test_a_redirect_elsewhere_is_not_followed_and_good(location: str) -> None:
    answer, heads = asked(said("302 Found", f"Location: {location}", body="moved"))
    assert (answer.status, answer.good, answer.redirected_elsewhere, answer.body) == (302, True, True, b"moved")
    assert len(heads) == 1


@pytest.mark.parametrize("status", ["304 Not Modified", "302 Found"])
def test_a_redirect_without_a_place_is_the_answer(status: str) -> None:
    answer, _ = asked(said(status))
    assert answer.redirected_elsewhere


def test_ten_redirects_are_the_most() -> None:
    again = said("302 Found", "Location: /again")
    answer, heads = asked(*[again] * 10, said("200 OK"))
    assert (answer.status, len(heads)) == (200, 11)
    assert refused(again) == 'Get "http://127.0.0.1:PORT/again": stopped after 10 redirects'


# No answer


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(HttpGetError) as caught:
            asyncio.run(get(port, path="/healthz"))
    message = f'Get "http://127.0.0.1:{port}/healthz": dial tcp 127.0.0.1:{port}: connect: connection refused'
    assert str(caught.value) == message


def test_nobody_answers_in_time() -> None:
    late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    assert refused(None, timeout_s=0.2) == f'Get "http://127.0.0.1:PORT/": {late}'


def test_nobody_takes_the_connection_in_time() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), pytest.raises(HttpGetError) as caught:
            asyncio.run(get(port, timeout_s=0.2))
    assert str(caught.value) == f'Get "http://127.0.0.1:{port}/": dial tcp 127.0.0.1:{port}: i/o timeout'


def test_the_connection_ends_without_an_answer() -> None:
    assert refused(b"") == 'Get "http://127.0.0.1:PORT/": EOF'


def test_what_answers_does_not_speak_http() -> None:
    assert refused(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n").startswith(
        'Get "http://127.0.0.1:PORT/": malformed HTTP response: '
    )


def test_a_name_that_is_not_known() -> None:
    action = HTTPGetAction(port=80, host="nothing.invalid")
    with pytest.raises(HttpGetError, match=r'^Get "http://nothing.invalid:80/": dial tcp: lookup nothing.invalid: '):
        asyncio.run(http_get(http_request(action, CONTAINER, "127.0.0.1", "probe"), timeout_s=30))


def test_a_name_that_is_known() -> None:
    async def run() -> HttpAnswer:
        async with serving(said("200 OK")) as served:
            action = HTTPGetAction(port=served.port, host="localhost")
            return await http_get(http_request(action, CONTAINER, "192.0.2.1", "probe"), timeout_s=30)

    assert asyncio.run(run()).good


def test_a_header_that_would_be_two_is_refused() -> None:
    words = refused(said("200 OK"), headers=(("X-A", "1\r\nX-B: 2"),))
    assert words == 'Get "http://127.0.0.1:PORT/": net/http: invalid header field value for "X-A"'


def test_cancelling_leaves_no_connection(recwarn: pytest.WarningsRecorder) -> None:
    async def run() -> bytes:
        ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            asking.cancel()
            ended.set_result(await reader.read())
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        asking = asyncio.create_task(get(server.sockets[0].getsockname()[1]))
        with pytest.raises(asyncio.CancelledError):
            await asking
        try:
            return await ended
        finally:
            server.close()

    assert asyncio.run(run()) == b""


# TLS


def test_https_with_a_certificate_that_nobody_would_believe(tmp_path: Path) -> None:
    context = certificate(tmp_path)
    names = list[str | None]()
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    async def run() -> tuple[HttpAnswer, HttpAnswer]:
        async with serving(said("200 OK", body="secret"), tls=context) as served:
            plain = await get(served.port, scheme="HTTPS")
            named = await get(served.port, scheme="HTTPS", headers=(("Host", "shop.example:8443"),))
            return plain, named

    assert asyncio.run(run()) == (HttpAnswer(status=200, body=b"secret"), HttpAnswer(status=200, body=b"secret"))
    assert names == [None, "shop.example"]


def test_https_to_a_server_that_speaks_http() -> None:
    async def run() -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(said("400 Bad Request"))
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        with pytest.raises(HttpGetError) as caught:
            await get(server.sockets[0].getsockname()[1], scheme="HTTPS")
        server.close()
        return str(caught.value)

    assert asyncio.run(run()).endswith(": http: server gave HTTP response to HTTPS client")


def test_https_that_takes_too_long() -> None:
    async def run() -> str:
        hold = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await hold.wait()
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        with pytest.raises(HttpGetError) as caught:
            await get(server.sockets[0].getsockname()[1], scheme="HTTPS", timeout_s=0.2)
        hold.set()
        server.close()
        return str(caught.value)

    assert "i/o timeout" in asyncio.run(run())
