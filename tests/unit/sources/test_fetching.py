from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import pytest

from hostpod import __version__
from hostpod.config import ManifestConfig
from hostpod.sources.fetching import Answer, Fetched, Fetcher, NotModified, Refused
from tests.unit.sources.a_server import serving
from tests.unit.sources.certificates import make_authority

P = ParamSpec("P")
LONG_S = 15.0


def asynchronous(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(_await(test, *args, **kwargs))

    return run


async def _await(test: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs) -> None:
    await test(*args, **kwargs)


async def fetch(url: str, etag: str | None = None, *, timeout_s: float = LONG_S, **settings: Any) -> Answer:
    config = ManifestConfig.model_construct(**{"url": url, "max_bytes": 10_000, **settings})
    return await Fetcher().fetch(config, etag=etag, timeout_s=timeout_s)


def reason(answer: Answer) -> str:
    assert isinstance(answer, Refused)
    return answer.reason


@asynchronous
async def test_an_answer_and_its_etag() -> None:
    async with serving() as server:
        server.body = b"kind: Pod"
        first = await fetch(server.url)
        assert isinstance(first, Fetched)
        assert first.data == b"kind: Pod"
        assert await fetch(server.url, first.etag) == NotModified()
        asked = server.asked[0].headers
        assert (asked["User-Agent"], asked["Accept-Encoding"]) == (f"hostpod/{__version__}", "identity")
        assert "If-None-Match" not in asked


@asynchronous
async def test_an_empty_answer_is_one() -> None:
    async with serving() as server:
        server.etags = False
        assert await fetch(server.url) == Fetched(data=b"", etag=None)


@asynchronous
async def test_headers_of_a_file_are_sent(tmp_path: Path) -> None:
    (tmp_path / "headers").write_text("Authorization: Bearer hunter2\nUser-Agent: mine\n")
    async with serving() as server:
        url = server.url.replace("//", "//user:pw@")
        await fetch(url, url_headers_file=tmp_path / "headers")
        await fetch(url)
        by_header, by_address = (request.headers for request in server.asked)
        assert by_header.getall("Authorization") == ["Bearer hunter2"]
        assert by_header.getall("User-Agent") == ["mine"]
        assert by_address.getall("Authorization") == ["Basic dXNlcjpwdw=="]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no such file or directory"),
        (b"hunter2\n", 'line 1 is no "Name: value"'),
        (b"X: \xff\n", "it is not UTF-8 text"),
        (b"X: " + b"y" * 65536, "it is more than 65536 bytes"),
    ],
)
@asynchronous
async def test_headers_that_cannot_be_read(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "headers"
    if content is not None:
        path.write_bytes(content)
    assert reason(await fetch("http://127.0.0.1:1/", url_headers_file=path)) == (
        f"{path} (manifests.urlHeadersFile) cannot be used: {told}"
    )


@asynchronous
async def test_a_pipe_of_headers_holds_up_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "headers")
    told = reason(await fetch("http://127.0.0.1:1/", url_headers_file=tmp_path / "headers"))
    assert told.endswith("it is no regular file")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (204, "the server answers 204 No Content"),
        (304, "the server answers 304 Not Modified"),
        (401, "the server answers 401 Unauthorized: look at manifests.urlHeadersFile"),
        (404, "the server answers 404 Not Found"),
        (500, "the server answers 500 Internal Server Error"),
        (599, "the server answers 599"),
    ],
)
@asynchronous
async def test_anything_but_200_is_no_answer(status: int, told: str) -> None:
    async with serving() as server:
        server.status = status
        assert reason(await fetch(server.url)) == told


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("https://user:pw@elsewhere/x?token=1", " https://elsewhere/x"),
        ("/other", " http://127.0.0.1:{port}/other"),
        ("http://[", " the new address"),
    ],
)
@asynchronous
async def test_redirects_are_not_followed(location: str, target: str) -> None:
    async with serving() as server:
        server.status, server.headers = 302, {"Location": location}
        assert reason(await fetch(server.url)) == (
            "the server answers 302 Found, and redirects are not followed: set manifests.url to"
            + target.format(port=server.port)
        )
        assert len(server.asked) == 1


@asynchronous
async def test_an_answer_has_its_bounds() -> None:
    async with serving() as server:
        server.body = b"x" * 10_001
        assert reason(await fetch(server.url)) == "the answer is more than 10000 bytes (setting manifests.maxBytes)"
        server.headers = {"Content-Encoding": "gzip"}
        assert reason(await fetch(server.url)) == "the answer is compressed, which was not asked for"
        server.hold.clear()
        assert reason(await fetch(server.url, timeout_s=0.05)) == "there is no whole answer within 0.05 s"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"", "the server closes the connection without an answer"),
        (b"hello\r\n\r\n", "the answer is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nkind: Pod", "the answer breaks off"),
    ],
)
@asynchronous
async def test_what_is_no_whole_answer(sent: bytes, told: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert reason(await fetch(f"http://user:hunter2@127.0.0.1:{port}/")) == told


@asynchronous
async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        told = reason(await fetch(f"http://user:hunter2@127.0.0.1:{taken.getsockname()[1]}/"))
    assert told == "the server cannot be reached: connection refused"


@pytest.mark.parametrize("url", ["http://u:hunter2@a..b/", "http://u:hunter2@256.1.1.1/"])
@asynchronous
async def test_an_address_that_only_the_client_refuses(url: str) -> None:
    assert reason(await fetch(url)) == "the client does not take this address or these headers"


# TLS


@asynchronous
async def test_a_server_is_trusted_by_the_file_of_certificates(tmp_path: Path) -> None:
    ours, other = make_authority(tmp_path / "ours"), make_authority(tmp_path / "other")
    async with serving(ssl=ours.server_side()) as server:
        server.body, url = b"kind: Pod", server.url.replace("http:", "https:")
        assert isinstance(await fetch(url, url_ca_file=ours.ca), Fetched)
        for ca in (other.ca, None):
            told = reason(await fetch(url, url_ca_file=ca))
            assert told.startswith("the server's certificate is not trusted: ")
        assert len(server.asked) == 1


@asynchronous
async def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path) -> None:
    authority = make_authority(tmp_path, address="127.0.0.2")
    async with serving(ssl=authority.server_side()) as server:
        told = reason(await fetch(server.url.replace("http:", "https:"), url_ca_file=authority.ca))
        assert told.startswith("the server's certificate is not trusted: IP address mismatch")


@asynchronous
async def test_no_tls_at_all(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    async with serving() as server:
        told = reason(await fetch(server.url.replace("http:", "https:"), url_ca_file=authority.ca))
        assert told.startswith("there is no TLS with the server: ")


@asynchronous
async def test_a_file_of_certificates_is_read_again_when_it_changes(tmp_path: Path) -> None:
    ours, other = make_authority(tmp_path / "ours"), make_authority(tmp_path / "other")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(other.ca.read_bytes())
    async with serving(ssl=ours.server_side()) as server:
        config = ManifestConfig.model_construct(
            url=server.url.replace("http:", "https:"), max_bytes=10_000, url_ca_file=ca
        )
        fetcher = Fetcher()
        assert isinstance(await fetcher.fetch(config, etag=None, timeout_s=LONG_S), Refused)
        (tmp_path / "new").write_bytes(ours.ca.read_bytes())
        (tmp_path / "new").rename(ca)
        assert isinstance(await fetcher.fetch(config, etag=None, timeout_s=LONG_S), Fetched)


@pytest.mark.parametrize(("content", "told"), [(None, "no such file or directory"), ("x", "it holds no certificate")])
@asynchronous
async def test_certificates_that_cannot_be_read(tmp_path: Path, content: str | None, told: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    assert reason(await fetch("https://127.0.0.1:1/", url_ca_file=path)) == (
        f"{path} (manifests.urlCaFile) cannot be used: {told}"
    )
