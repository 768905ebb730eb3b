"""How answers look: JSON, refusals as Status objects or as the kubelet's plain text, and streams that end cleanly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Final

from aiohttp import web

from hostpod.kube.api_status import Reason, StatusError, failure

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
JsonObject = Mapping[str, Any]

STREAMS: Final = web.AppKey[set[asyncio.Task[Any]]]("streams")
_PLAIN: Final = {"X-Content-Type-Options": "nosniff"}
_REASONS: Final[dict[int, Reason]] = {
    400: "BadRequest",
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "RequestEntityTooLarge",
}


def json_answer(value: object, *, status: int = 200, indent: int | None = None) -> web.Response:
    """A JSON body with a newline at its end."""
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return web.Response(text=text + "\n", status=status, content_type="application/json")


def text_answer(text: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A plain text body."""
    return web.Response(text=text, status=status, headers={**_PLAIN, **(headers or {})})


@web.middleware
async def status_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals as Kubernetes Status objects."""
    try:
        return await handler(request)
    except StatusError as error:
        return json_answer(error.status(), status=error.code)
    except web.HTTPException as error:
        reason = _REASONS.get(error.status, "BadRequest" if error.status < 500 else "InternalError")
        answer = json_answer(failure(reason, _router_message(request, error)), status=error.status)
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer


def _router_message(request: web.Request, error: web.HTTPException) -> str:
    if error.status == 404:
        return f"there is nothing at {request.path}"
    if error.status == 405:
        return f"{request.method} is not possible at {request.path}"
    return error.text or error.reason


@web.middleware
async def kubelet_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals in the plain words of the kubelet's read-only port."""
    try:
        return await handler(request)
    except StatusError as error:
        return text_answer(str(error), status=error.code)
    except web.HTTPNotFound:
        return text_answer("404 page not found\n", status=404)
    except web.HTTPMethodNotAllowed as error:
        return text_answer("405: Method Not Allowed", status=405, headers={"Allow": error.headers["Allow"]})


def track_streams(app: web.Application) -> None:
    """Let streams that would go on for ever end when the server stops."""
    streams: set[asyncio.Task[Any]] = set()
    app[STREAMS] = streams
    app.on_shutdown.append(_end_streams)


async def _end_streams(app: web.Application) -> None:
    streams = app[STREAMS]
    for task in tuple(streams):
        task.cancel()


@asynccontextmanager
async def tracked(request: web.Request) -> AsyncIterator[None]:
    """The block is left, cancelled, when the server stops."""
    task = asyncio.current_task()
    assert task is not None
    request.app[STREAMS].add(task)
    try:
        yield
    finally:
        request.app[STREAMS].discard(task)


async def stream(request: web.Request, chunks: AsyncGenerator[bytes, None], *, content_type: str) -> web.StreamResponse:
    """Send chunks as they come. Ends, and closes its source, when the client goes."""
    response = web.StreamResponse(headers=_PLAIN)
    response.content_type = content_type
    async with tracked(request), aclosing(chunks):
        with suppress(ConnectionResetError):  # the client went while it was written to
            await response.prepare(request)
            if request.method != "HEAD":
                async for chunk in chunks:
                    await response.write(chunk)
            await response.write_eof()
    return response


async def json_lines(objects: AsyncGenerator[JsonObject, None], *, watch: bool) -> AsyncGenerator[bytes, None]:
    """Objects one a line. A refusal on the way is the last line: a Status, for a watch inside an ERROR event."""
    async with aclosing(objects):
        try:
            async for value in objects:
                yield _line(value)
        except StatusError as error:
            yield _line({"type": "ERROR", "object": error.status()} if watch else error.status())


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
