"""One probe of one container, carried out: what it is asked, and what the answer means. The kubelet's words."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal

from hostpod.engine.edges import Edges
from hostpod.engine.http_get import HttpGetError, http_get
from hostpod.engine.http_request import UnknownPortError, authority, http_request, port_number
from hostpod.engine.refusals import words
from hostpod.engine.run_in_container import ExecRefusedError, ExecTimedOutError, run_in_container
from hostpod.host.process import CommandError
from hostpod.host.tcp import connect
from hostpod.kube import Container, ExecAction, GRPCAction, HTTPGetAction, Pod, Probe, TCPSocketAction
from hostpod.kube.expansion import expand

Result = Literal["successful", "failed", "unknown"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one probe said. `unknown` is none that could be carried out, and changes nothing. `warning` is what to say
    of a successful one."""

    result: Result
    message: str = ""
    warning: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Who is asked: a running attempt of a container, and the address where its ports are."""

    pod: Pod
    container: Container
    cid: str
    address: str


Ask = Callable[[], Coroutine[Any, Any, Outcome]]

_SUCCESSFUL = Outcome(result="successful")


def asking(probe: Probe, asked: Asked, edges: Edges) -> Ask:
    """What carries this probe out, as often as it is called. It raises nothing but bugs."""
    timeout_s = float(probe.timeout_seconds or 1)
    try:
        match probe:
            case Probe(http_get=HTTPGetAction() as action):
                return _http(action, asked, timeout_s)
            case Probe(tcp_socket=TCPSocketAction() as action):
                return _tcp(action, asked, timeout_s)
            case Probe(grpc=GRPCAction() as action):
                return _grpc(action, asked, timeout_s)
            case Probe(exec=ExecAction() as action):
                return _exec(action, asked, timeout_s, edges)
    except UnknownPortError as error:
        return _never(str(error))
    return _never("the probe does not say what to ask")


def _never(why: str) -> Ask:
    async def ask() -> Outcome:
        return Outcome(result="unknown", message=why)

    return ask


def _http(action: HTTPGetAction, asked: Asked, timeout_s: float) -> Ask:
    request = http_request(action, asked.container, asked.address, "probe")

    async def ask() -> Outcome:
        try:
            answer = await http_get(request, timeout_s=timeout_s)
        except HttpGetError as error:
            return Outcome(result="failed", message=str(error))
        if not answer.good:
            return Outcome(result="failed", message=f"HTTP probe failed with statuscode: {answer.status}")
        if answer.redirected_elsewhere:
            body = answer.body.decode(errors="replace")
            return Outcome(result="successful", warning=f"Probe terminated redirects, Response body: {body}")
        return _SUCCESSFUL

    return ask


def _tcp(action: TCPSocketAction, asked: Asked, timeout_s: float) -> Ask:
    host, port = action.host or asked.address, port_number(action.port, asked.container)

    async def ask() -> Outcome:
        try:
            async with asyncio.timeout(timeout_s):
                (await connect(host, port)).close()
        except TimeoutError:
            return Outcome(result="failed", message=f"dial tcp {authority(host, port)}: i/o timeout")
        except socket.gaierror as error:
            return Outcome(result="failed", message=f"dial tcp: lookup {host}: {words(error)}")
        except OSError as error:
            return Outcome(result="failed", message=f"dial tcp {authority(host, port)}: connect: {words(error)}")
        return _SUCCESSFUL

    return ask


def _grpc(action: GRPCAction, asked: Asked, timeout_s: float) -> Ask:
    async def ask() -> Outcome:
        from hostpod.engine.grpc_health import GrpcHealthError, grpc_check  # noqa: PLC0415 - most pods need no HTTP/2

        try:
            await grpc_check(asked.address, action.port, action.service or "", timeout_s=timeout_s)
        except GrpcHealthError as error:
            return Outcome(result="failed", message=str(error))
        return _SUCCESSFUL

    return ask


def _exec(action: ExecAction, asked: Asked, timeout_s: float, edges: Edges) -> Ask:
    variables = {variable.name: variable.value or "" for variable in asked.container.env}
    argv = [expand(word, variables) for word in action.command]
    paths = edges.paths.pod(asked.pod.metadata.uid or "")

    async def ask() -> Outcome:
        try:
            answer = await run_in_container(edges, paths, asked.cid, argv, timeout_s=timeout_s)
        except ExecTimedOutError as error:
            return Outcome(result="failed", message=str(error))
        except (ExecRefusedError, CommandError) as error:
            return Outcome(result="unknown", message=str(error))
        except OSError as error:
            return Outcome(result="unknown", message=words(error))
        if answer.exit_code:
            return Outcome(result="failed", message=answer.output.decode(errors="replace").rstrip())
        return _SUCCESSFUL

    return ask
