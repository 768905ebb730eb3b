"""One question to a URL: what it answers, or why it cannot be asked. Bounded in time and in size.

No redirect is followed: whoever answers at another address would get the headers, and decide what runs here.
"""

from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from ssl import SSLContext, SSLError, create_default_context
from typing import TYPE_CHECKING

from hostpod import __version__
from hostpod.config import ManifestConfig
from hostpod.sources.files import Stamp, stamp_of
from hostpod.sources.web import HeaderError, Headers, parse_headers, shown

if TYPE_CHECKING:
    from aiohttp import ClientResponse

HEADERS_BYTES = 64 * 1024
_CHUNK_BYTES = 64 * 1024
_UNFIT = "the client does not take this address or these headers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """A whole answer."""

    data: bytes
    etag: str | None


@dataclass(frozen=True, slots=True)
class NotModified:
    """The answer is the one whose ETag was sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """No answer that can be used, and why; no credential is in the reason."""

    reason: str


Answer = Fetched | NotModified | Refused


class _RefusedError(Exception):
    """The reason that the caller is told."""


class Fetcher:
    """Asks one URL. What its server is trusted by is read again only when the file has changed."""

    def __init__(self) -> None:
        self._trusted: tuple[Stamp | None, SSLContext] | None = None

    async def fetch(self, config: ManifestConfig, *, etag: str | None, timeout_s: float) -> Answer:
        """Ask once. Never raises but when it is cancelled."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._fetch(config, etag)
        except TimeoutError:
            return Refused(reason=f"there is no whole answer within {timeout_s:g} s")
        except _RefusedError as error:
            return Refused(reason=str(error))

    async def _fetch(self, config: ManifestConfig, etag: str | None) -> Answer:
        import aiohttp  # noqa: PLC0415 - only who has a URL needs the client

        assert config.url is not None
        sent = [*_headers(config.url_headers_file), *([("If-None-Match", etag)] if etag else [])]
        context = self._context(config.url_ca_file) if config.url.startswith("https:") else None
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True, ssl=context or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
            auto_decompress=False,
        )
        try:
            async with (
                session,
                session.get(_url(config.url, sent), headers=_all(sent), allow_redirects=False) as answer,
            ):
                return await _read(answer, asked_for_change=etag is not None, max_bytes=config.max_bytes)
        except (aiohttp.ClientError, OSError) as error:
            raise _RefusedError(_words(error)) from error
        except ValueError as error:  # of an address that the client does not take; its text shows the address
            raise _RefusedError(_UNFIT) from error

    def _context(self, ca_file: Path | None) -> SSLContext:
        try:
            stamp = stamp_of(ca_file.stat()) if ca_file else None
            if self._trusted is None or self._trusted[0] != stamp:
                self._trusted = (stamp, create_default_context(cafile=ca_file))
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            reason = "it holds no certificate" if isinstance(error, SSLError) else _reason(error)
            raise _RefusedError(f"{ca_file} (manifests.urlCaFile) cannot be used: {reason}") from error
        return self._trusted[1]


async def _read(answer: ClientResponse, *, asked_for_change: bool, max_bytes: int) -> Answer:
    if answer.status == HTTPStatus.NOT_MODIFIED and asked_for_change:
        return NotModified()
    if answer.status != HTTPStatus.OK:
        raise _RefusedError(_status(answer))
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _RefusedError("the answer is compressed, which was not asked for")
    data = bytearray()
    async for part in answer.content.iter_chunked(_CHUNK_BYTES):
        data += part
        if len(data) > max_bytes:
            raise _RefusedError(f"the answer is more than {max_bytes} bytes (setting manifests.maxBytes)")
    return Fetched(data=bytes(data), etag=answer.headers.get("ETag"))


def _status(answer: ClientResponse) -> str:
    try:
        words = f"the server answers {answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        words = f"the server answers {answer.status}"
    if "Location" in answer.headers and answer.status in range(300, 400):
        return f"{words}, and redirects are not followed: set manifests.url to{_target(answer)}"
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"{words}: look at manifests.urlHeadersFile"
    return words


def _target(answer: ClientResponse) -> str:
    from yarl import URL  # noqa: PLC0415 - part of the client

    try:
        text = shown(str(answer.url.join(URL(answer.headers["Location"]))))
    except ValueError:
        return " the new address"
    return f" {text[:200]}"


def _url(url: str, headers: Headers | list[tuple[str, str]]) -> str:
    """A password in the address gives way to a header that says who asks."""
    from yarl import URL  # noqa: PLC0415 - part of the client

    named = any(name.lower() == "authorization" for name, _ in headers)
    return str(URL(url).with_user(None)) if named else url


def _all(sent: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """With what is said unless the file of headers says it."""
    named = {name.lower() for name, _ in sent}
    own = (("User-Agent", f"hostpod/{__version__}"), ("Accept-Encoding", "identity"))
    return [*sent, *(header for header in own if header[0].lower() not in named)]


def _headers(path: Path | None) -> Headers:
    if path is None:
        return ()
    try:
        return parse_headers(_text(path))
    except (OSError, ValueError, HeaderError) as error:
        reason = str(error) if isinstance(error, HeaderError) else _reason(error)
        raise _RefusedError(f"{path} (manifests.urlHeadersFile) cannot be used: {reason}") from error


def _text(path: Path) -> str:
    # Not blocking: a pipe that nobody writes to would hold up the daemon.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise HeaderError("it is no regular file")
        content = file.read(HEADERS_BYTES + 1)
    if len(content) > HEADERS_BYTES:
        raise HeaderError(f"it is more than {HEADERS_BYTES} bytes")
    return content.decode()


def _reason(error: OSError | ValueError) -> str:
    if not isinstance(error, OSError):
        return "it is not UTF-8 text"
    # asyncio's own words for a connection that was refused are a call and its arguments.
    known = error.errno is not None and error.errno > 0 and not isinstance(error, SSLError)
    return (os.strerror(error.errno or 0) if known else error.strerror or str(error)).lower()


def _words(error: Exception) -> str:
    """Why there was no answer. Texts of the client are not shown: some hold the whole address."""
    import aiohttp  # noqa: PLC0415 - as above

    match error:
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "") or "it does not fit"
            words = f"the server's certificate is not trusted: {why}"
        case aiohttp.ClientSSLError():
            words = f"there is no TLS with the server: {_reason(error.os_error)[:200]}"
        case aiohttp.ClientConnectorError():
            words = f"the server cannot be reached: {_reason(error.os_error)[:200]}"
        case aiohttp.InvalidURL():
            words = _UNFIT
        case aiohttp.ClientPayloadError():
            words = "the answer breaks off"
        case aiohttp.ClientConnectionError():
            words = "the server closes the connection without an answer"
        case aiohttp.ClientResponseError():
            words = "the answer is no HTTP"
        case _:
            words = f"the client gives up ({type(error).__name__})"
    return words
