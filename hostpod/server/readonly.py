"""The kubelet's read-only port: /healthz, /pods, /spec and what verifiers of tokens read, for whoever may connect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web

from hostpod.host.machine import machine_info
from hostpod.server.answers import json_answer, kubelet_errors, text_answer
from hostpod.server.node import Node
from hostpod.server.openid import add_openid_routes

MachineReader = Callable[[], Mapping[str, Any]]

_NODE: Final = web.AppKey[Node]("node")
_MACHINE: Final = web.AppKey[MachineReader]("machine")
_BODY_LIMIT_BYTES: Final = 64 * 1024


def readonly_app(node: Node, *, machine: MachineReader = machine_info) -> web.Application:
    """The application of the TCP port."""
    app = web.Application(middlewares=[kubelet_errors], client_max_size=_BODY_LIMIT_BYTES)
    add_common_routes(app, node, machine)
    app.router.add_get("/pods", _pods)
    return app


def add_common_routes(app: web.Application, node: Node, machine: MachineReader) -> None:
    """What the port and the socket both answer in the same way."""
    app[_NODE], app[_MACHINE] = node, machine
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/spec", _spec)
    app.router.add_get("/spec/", _spec)
    add_openid_routes(app, node)


def node_of(request: web.Request) -> Node:
    """The node that the request's application serves."""
    return request.app[_NODE]


def pod_list(pods: object) -> dict[str, Any]:
    """A v1 PodList in the order of the kubelet's keys."""
    return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods}


async def _healthz(_request: web.Request) -> web.Response:
    return text_answer("ok")


async def _pods(request: web.Request) -> web.Response:
    return json_answer(pod_list(node_of(request).pods()))


async def _spec(request: web.Request) -> web.Response:
    return json_answer(await asyncio.to_thread(request.app[_MACHINE]), indent=1)
