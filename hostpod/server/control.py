"""The UNIX socket that the hostpod command speaks to: everything the node can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from hostpod import __version__
from hostpod.host.machine import machine_info
from hostpod.kube.api_status import StatusError
from hostpod.server.answers import json_answer, json_lines, status_errors, stream, track_streams
from hostpod.server.exec import run_attach, run_exec
from hostpod.server.logs import send_logs
from hostpod.server.names import container_problem, find_pod, pod_not_found
from hostpod.server.node import Node
from hostpod.server.plan import send_plan
from hostpod.server.query import flag
from hostpod.server.readonly import MachineReader, add_common_routes, node_of, pod_list

_BODY_LIMIT_BYTES = 64 * 1024
_CHUNK_BYTES = 256 * 1024


def control_app(node: Node, *, machine: MachineReader = machine_info) -> web.Application:
    """The application of the UNIX socket."""
    app = web.Application(middlewares=[status_errors], client_max_size=_BODY_LIMIT_BYTES)
    track_streams(app)
    add_common_routes(app, node, machine)
    app.router.add_get("/version", _version)
    app.router.add_get("/pods", _pods)
    app.router.add_get("/pods/{namespace}/{pod}", _pod)
    app.router.add_get("/problems", _problems)
    app.router.add_get("/events", _events)
    app.router.add_post("/plan", _plan)
    app.router.add_get("/volumes", _volumes)
    app.router.add_get("/images", _images)
    app.router.add_post("/images/pull", _pull)
    app.router.add_post("/images/load", _load)
    app.router.add_post("/images/verify", _verify)
    app.router.add_get("/images/inspect", _inspect_image)
    app.router.add_post("/images/remove", _remove_image)
    app.router.add_post("/images/prune", _prune_images)
    app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", _logs)
    app.router.add_get("/exec/{namespace}/{pod}/{container}", _exec, allow_head=False)
    app.router.add_get("/attach/{namespace}/{pod}/{container}", _attach, allow_head=False)
    return app


async def _version(request: web.Request) -> web.Response:
    return json_answer({"version": __version__, "nodeName": node_of(request).name})


async def _pods(request: web.Request) -> web.StreamResponse:
    node = node_of(request)
    if flag(request.query, "watch"):
        return await stream(request, json_lines(node.watch_pods(), watch=True), content_type="application/json")
    return json_answer(pod_list(node.pods()))


async def _pod(request: web.Request) -> web.Response:
    return json_answer(_asked_pod(request))


async def _problems(request: web.Request) -> web.Response:
    return json_answer({"items": node_of(request).problems()})


async def _events(request: web.Request) -> web.StreamResponse:
    node = node_of(request)
    if flag(request.query, "watch"):
        return await stream(request, json_lines(node.watch_events(), watch=True), content_type="application/json")
    return json_answer({"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": node.events()})


async def _plan(request: web.Request) -> web.Response:
    return await send_plan(request, node_of(request))


async def _volumes(request: web.Request) -> web.Response:
    items = await node_of(request).volumes(namespace=request.query.get("namespace"), usage=flag(request.query, "usage"))
    return json_answer({"items": items})


async def _images(request: web.Request) -> web.Response:
    return json_answer({"items": node_of(request).images()})


async def _pull(request: web.Request) -> web.StreamResponse:
    progress = node_of(request).pull(_asked_image(request))
    return await stream(request, json_lines(progress, watch=False), content_type="application/json")


async def _verify(request: web.Request) -> web.StreamResponse:
    found = node_of(request).verify(request.query.getall("ref", []))
    return await stream(request, json_lines(found, watch=False), content_type="application/json")


async def _load(request: web.Request) -> web.Response:
    if not request.body_exists:
        raise StatusError("BadRequest", "no archive sent: the body must be a docker-archive or oci-archive")
    images = await node_of(request).load(request.content.iter_chunked(_CHUNK_BYTES))
    return json_answer({"items": images})


async def _inspect_image(request: web.Request) -> web.Response:
    return json_answer(await node_of(request).inspect_image(_asked_image(request)))


async def _remove_image(request: web.Request) -> web.Response:
    return json_answer(await node_of(request).remove_image(_asked_image(request)))


async def _prune_images(request: web.Request) -> web.Response:
    everything, dry_run = flag(request.query, "all"), flag(request.query, "dryRun")
    return json_answer(await node_of(request).prune_images(everything=everything, dry_run=dry_run))


def _asked_image(request: web.Request) -> str:
    reference = request.query.get("ref", "")
    if not reference:
        raise StatusError("BadRequest", "no image named: an image is needed, as in busybox:1.36 (ref=IMAGE)")
    return reference


async def _logs(request: web.Request) -> web.StreamResponse:
    pod, container = _asked_container(request)
    return await send_logs(request, node_of(request), pod=pod, container=container)


async def _exec(request: web.Request) -> web.StreamResponse:
    pod, container = _asked_container(request)
    return await run_exec(request, node_of(request), pod=pod, container=container)


async def _attach(request: web.Request) -> web.StreamResponse:
    pod, container = _asked_container(request)
    return await run_attach(request, node_of(request), pod=pod, container=container)


def _asked_pod(request: web.Request) -> Mapping[str, Any]:
    node = node_of(request)
    namespace, name = request.match_info["namespace"], request.match_info["pod"]
    pods = node.pods()
    pod = find_pod(pods, namespace=namespace, name=name, node_name=node.name)
    if pod is None:
        raise StatusError("NotFound", pod_not_found(pods, namespace=namespace, name=name, node_name=node.name))
    return pod


def _asked_container(request: web.Request) -> tuple[Mapping[str, Any], str]:
    pod, container = _asked_pod(request), request.match_info["container"]
    problem = container_problem(pod, container)
    if problem:
        raise StatusError("BadRequest", problem)
    return pod, container
