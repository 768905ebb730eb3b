"""HTTP GET as probes and hooks do it: any certificate is believed, redirects are followed on the same host only.

aiohttp's parser reads the answers, without its client: that takes four times the CPU for an exchange.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from dataclasses import dataclass

from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpProcessingError, HttpResponseParser, RawResponseMessage

from hostpod.engine.http_request import HttpRequest, authority
from hostpod.host.tcp import Stream, connect, connect_tls
from hostpod.host.timer import until

BODY_LIMIT_BYTES = 10 * 1024
MOST_REDIRECTS = 10

LOOK_S = 0.02
LEAST_LOOK_S = 0.005

_BUFFER_BYTES = 64 * 1024
_LATE = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST")
_FOLLOWED = (301, 302, 303, 307, 308)


class HttpGetError(Exception):
    """No answer came. The message has the kubelet's words and begins with the request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpAnswer:
    """The last answer. `body` is as much of it as came, 10 KB at most."""

    status: int
    body: bytes

    @property
    def good(self) -> bool:
        return 200 <= self.status < 400

    @property
    def redirected_elsewhere(self) -> bool:
        """Whether it is a redirect that was not followed."""
        return 300 <= self.status < 400


async def http_get(request: HttpRequest, *, timeout_s: float) -> HttpAnswer:
    """Ask, and follow redirects on the same host. The status decides: a body that does not end is cut.

    Raises HttpGetError.
    """
    exchange = _Exchange(request)
    try:
        async with asyncio.timeout(timeout_s):
            for _ in range(MOST_REDIRECTS + 1):
                answer = await exchange.run()
                if not exchange.follow():
                    return answer
    except TimeoutError as error:
        if exchange.answer is not None:
            return exchange.answer
        raise HttpGetError(exchange.say(_LATE if exchange.connected else exchange.dialled("i/o timeout"))) from error
    except (OSError, EOFError, ValueError, HttpProcessingError) as error:
        raise HttpGetError(exchange.say(exchange.words(error))) from error
    raise HttpGetError(exchange.say(f"stopped after {MOST_REDIRECTS} redirects"))


def _look_at(sent_at: float) -> float:
    """When to look for an answer: for all requests of these milliseconds at once, before waiting for what is late.

    What is asked is on this host and mostly answers within them. To be woken by each answer, and by each part of it,
    costs more than all else of a probe.
    """
    return math.ceil((sent_at + LEAST_LOOK_S) / LOOK_S) * LOOK_S


class _Exchange:
    """One request and what came of its answer; after a redirect the next one."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.connected = False
        self._head: RawResponseMessage | None = None
        self._body = b""

    @property
    def answer(self) -> HttpAnswer | None:
        """As much of it as is here."""
        return HttpAnswer(status=self._head.code, body=self._body[:BODY_LIMIT_BYTES]) if self._head else None

    async def run(self) -> HttpAnswer:
        """Ask, and read what comes. Raises OSError, EOFError, ValueError, HttpProcessingError."""
        request, self.connected, self._head, self._body = self.request, False, None, b""
        content = request.content()
        if request.scheme == "https":
            stream = await connect_tls(request.host, request.port, server_name=request.server_name)
        else:
            stream = await connect(request.host, request.port)
        self.connected = True
        try:
            await stream.send(content)
            await until(_look_at(asyncio.get_running_loop().time()))
            await self._read(stream)
        except (OSError, HttpProcessingError):
            if self._head is None:
                raise
        finally:
            stream.close()
        if (answer := self.answer) is None:
            raise EOFError("EOF")
        return answer

    def follow(self) -> bool:
        """Whether the answer leads on, to a request that is asked next."""
        location = self._head.headers.get("Location") if self._head and self._head.code in _FOLLOWED else None
        to = self.request.follow(location) if location else None
        self.request = to or self.request
        return to is not None

    async def _read(self, stream: Stream) -> None:
        loop = asyncio.get_running_loop()
        parser = HttpResponseParser(BaseProtocol(loop), loop, _BUFFER_BYTES, read_until_eof=True, auto_decompress=False)
        rest: StreamReader | None = None
        while not (rest and (rest.is_eof() or len(self._body) >= BODY_LIMIT_BYTES)):
            data = await stream.receive()
            if not data:
                return
            for message, payload in parser.feed_data(data)[0]:
                if rest is None and message.code >= 200:  # before it comes what is only information
                    self._head, rest = message, payload
            if rest:
                self._body += rest.read_nowait()

    # What is said of it

    def say(self, words: str) -> str:
        return f'Get "{self.request.url}": {words}'

    def dialled(self, words: str) -> str:
        return f"dial tcp {authority(self.request.host, self.request.port)}: {words}"

    def words(self, error: Exception) -> str:
        """Why there was no answer, as the kubelet says it."""
        match error:
            case socket.gaierror():
                return f"dial tcp: lookup {self.request.host}: {str(error.strerror).lower()}"
            case ssl.SSLError() if error.reason in _NOT_TLS:
                return "http: server gave HTTP response to HTTPS client"
            case ssl.SSLError():
                return f"tls: {(error.reason or str(error)).lower().replace('_', ' ')}"
            case OSError() if error.strerror:
                why = error.strerror.lower()
                return f"read: {why}" if self.connected else self.dialled(f"connect: {why}")
            case HttpProcessingError():
                return f"malformed HTTP response: {error.message.splitlines()[0].rstrip(':')}"
            case _:
                return str(error)
