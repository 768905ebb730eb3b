"""Life-cycle hooks: what a container asked to be done right after its start and before its stop signal."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Literal

from hostpod.engine.edges import Edges
from hostpod.engine.http_get import HttpGetError, http_get
from hostpod.engine.http_request import UnknownPortError, http_request
from hostpod.engine.refusals import REFUSALS, words
from hostpod.engine.run_in_container import ExecRefusedError, ExecTimedOutError, run_in_container
from hostpod.engine.state import PodState
from hostpod.host.clock import now
from hostpod.kube import HTTPGetAction, LifecycleHandler
from hostpod.plan.actions import RunPostStart, RunPreStop
from hostpod.plan.observed import Stopping

Hook = Literal["PostStart", "PreStop"]

# A server that takes a request and never answers it: the kubelet would wait for ever.
HTTP_DEADLINE_S = 3600.0


class HookError(Exception):
    """A hook failed; the message says how, and can be shown as it is."""


async def run_post_start(state: PodState, action: RunPostStart, edges: Edges) -> None:
    """Run a postStart hook. Where it fails the container is to end, with its grace period."""
    handler = _handler(state, action.container, "PostStart")
    try:
        await _run(state, action.id, action.container, handler, edges)
    except HookError as failure:
        _tell(state, edges, "FailedPostStartHook", f"PostStartHook failed: {failure}", action.container)
        reason = f"PostStartHook failed: {failure}"
        stopping = Stopping(since=now(), grace_s=action.grace_s, reason=reason, hook_failed=True)
        record = state.containers.get(action.id)
        if record is not None:  # else its container ended and was forgotten meanwhile
            state.keep(replace(record, stopping=record.stopping or stopping))
    else:
        if record := state.containers.get(action.id):
            state.keep(replace(record, post_started_at=now()))


async def run_pre_stop(state: PodState, action: RunPreStop, edges: Edges) -> None:
    """Run a preStop hook until its time is over. Whatever comes of it, the stop signal follows."""
    handler = _handler(state, action.container, "PreStop")
    try:
        async with asyncio.timeout(max(0.0, action.until - now())):
            await _run(state, action.id, action.container, handler, edges)
    except HookError as failure:
        _tell(state, edges, "FailedPreStopHook", f"PreStopHook failed: {failure}", action.container)
    except TimeoutError:
        _tell(state, edges, "FailedPreStopHook", "PreStopHook did not end in the grace period", action.container)
    if record := state.containers.get(action.id):
        state.keep(replace(record, pre_stopped_at=now()))


def _handler(state: PodState, name: str, hook: Hook) -> LifecycleHandler:
    lifecycle = state.record.pod.spec.container(name).lifecycle
    handler = lifecycle and (lifecycle.post_start if hook == "PostStart" else lifecycle.pre_stop)
    assert handler, "the plan runs only hooks that there are"
    return handler


async def _run(state: PodState, cid: str, name: str, handler: LifecycleHandler, edges: Edges) -> None:
    if handler.sleep is not None:
        await asyncio.sleep(handler.sleep.seconds)
    elif handler.exec is not None:
        await _exec(state, cid, handler.exec.command, edges)
    else:
        assert handler.http_get is not None, "manifests have no other hooks"
        await _get(state, name, handler.http_get, edges)


async def _exec(state: PodState, cid: str, command: tuple[str, ...], edges: Edges) -> None:
    try:
        answer = await run_in_container(edges, state.paths, cid, command, timeout_s=None)
    except (ExecRefusedError, ExecTimedOutError) as refusal:
        raise HookError(str(refusal)) from refusal
    except REFUSALS as refusal:
        raise HookError(words(refusal)) from refusal
    if answer.exit_code:
        said = answer.output.decode(errors="replace").strip()
        command_line = " ".join(command)
        raise HookError(f"command '{command_line}' exited with {answer.exit_code}" + (f": {said}" if said else ""))


async def _get(state: PodState, name: str, action: HTTPGetAction, edges: Edges) -> None:
    """As with the kubelet any answer will do, whatever its status."""
    container = state.record.pod.spec.container(name)
    address = state.attachment.ip if state.attachment else edges.network.uplink_address() or "127.0.0.1"
    try:
        request = http_request(action, container, address, "lifecycle")
        await http_get(request, timeout_s=HTTP_DEADLINE_S)
    except (UnknownPortError, HttpGetError) as error:
        raise HookError(str(error)) from error


def _tell(state: PodState, edges: Edges, reason: str, message: str, container: str) -> None:
    edges.events.pod(state.record.pod, "Warning", reason, message, container=container)
