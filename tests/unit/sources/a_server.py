"""A real HTTP server on loopback, in the loop of a test: what it answers can be changed, what it was asked is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from ssl import SSLContext

from aiohttp import web


class AServer:
    """Answers every question with `status`, `body` and `headers`; with its ETag, as long as the body is the same."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""
        self.headers: dict[str, str] = {}
        self.etags = True
        self.asked: list[web.BaseRequest] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.port = 0
        self._news = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/pods"

    async def until_asked(self, times: int) -> None:
        """Wait until there were so many questions."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.asked) >= times)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One question."""
        async with self._news:
            self.asked.append(request)
            self._news.notify_all()
        await self.hold.wait()
        etag = f'"{hash(self.body)}"'
        if self.etags and self.status == 200 and request.headers.get("If-None-Match") == etag:
            return web.Response(status=304)
        headers = {**self.headers, **({"ETag": etag} if self.etags else {})}
        return web.Response(status=self.status, body=self.body, headers=headers)


@asynccontextmanager
async def serving(*, ssl: SSLContext | None = None) -> AsyncGenerator[AServer, None]:
    """A server that listens on a port of its own."""
    server = AServer()
    runner = web.ServerRunner(web.Server(server.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        server.hold.set()
        await runner.cleanup()
