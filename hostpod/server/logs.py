"""GET /containerLogs: a container's log as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from hostpod.host import clock
from hostpod.host.logs import LogError
from hostpod.kube.api_status import StatusError
from hostpod.server.answers import stream
from hostpod.server.node import Node
from hostpod.server.query import log_options


async def send_logs(request: web.Request, node: Node, *, pod: Mapping[str, Any], container: str) -> web.StreamResponse:
    """Send the log, and with `follow` what comes until the container has ended or the client goes."""
    metadata = pod["metadata"]
    options = log_options(request.query, now=clock.now())
    try:
        chunks = await node.logs(
            namespace=metadata["namespace"], pod=metadata["name"], container=container, options=options
        )
    except LogError as error:
        raise StatusError("InternalError", str(error)) from error
    return await stream(request, chunks, content_type="text/plain")
