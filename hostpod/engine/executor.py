"""Carries out actions, and decides nothing: one match over the closed union, each arm one verb or two."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from hostpod.engine import containers, hooks, pod_images, resizing, sandbox
from hostpod.engine.edges import Edges
from hostpod.engine.paths import close_to_others
from hostpod.engine.records import PodRecord
from hostpod.engine.state import PodState
from hostpod.engine.storage import count_pod, is_limited
from hostpod.engine.variables import running_facts
from hostpod.host.clock import now
from hostpod.host.conmon import ContainerRefusedError
from hostpod.host.store import StoreError, remove_tree
from hostpod.kube import Pod
from hostpod.oci import pod_hostname, pod_limits, pod_nodename
from hostpod.plan import actions as do
from hostpod.plan.observed import Ending
from hostpod.volumes import PodFacts


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What an action tells its worker of later: the end of a container, the end of pause."""

    container_ended: Callable[[str], None]
    pause_ended: Callable[[], None]


def admit(pod: Pod, file: str, edges: Edges) -> PodState:
    """Write the pod down. Logs of an earlier life of the same pod (before a reboot, say) go."""
    own_users = pod.spec.host_users is False
    first_id = edges.users.take(pod.uid, edges.config.user_namespaces) if own_users else 0
    try:
        return _write_down(PodRecord(pod=pod, file=file, admitted_at=now(), first_id=first_id), edges)
    except (OSError, StoreError):
        edges.users.release(pod.uid)
        raise


def _write_down(record: PodRecord, edges: Edges) -> PodState:
    paths = edges.paths.pod(record.pod.uid)
    close_to_others(paths, record.first_id)
    remove_tree(_logs(record.pod, edges))
    state = PodState(record=record, paths=paths)
    try:
        state.keep_pod(record)
    except StoreError:
        remove_tree(paths.runtime)
        raise
    return state


async def execute(action: do.Action, state: PodState, edges: Edges, told: Told) -> None:  # noqa: C901, PLR0912, PLR0915 - one closed match
    """Carry out one action on an admitted pod. Raises what the world answered."""
    match action:
        case do.AdmitPod() | do.UpdatePod():
            raise AssertionError("a pod is admitted and changed by its worker")
        case do.BeginEnding():
            _begin_ending(state, action)
        case do.FailPod():
            _fail(state, action, edges)
        case do.MakeNamespaces():
            await sandbox.make_namespaces(state, edges)
        case do.AttachNetwork():
            await sandbox.attach_network(state, edges)
        case do.RunPause():
            await sandbox.run_pause(state, edges, told.pause_ended)
        case do.PrepareVolumes():
            await _prepare_volumes(state, edges)
        case do.EnsureImage():
            await pod_images.ensure_image(state, action.container, edges)
        case do.EnsureVolumeImage():
            await pod_images.ensure_volume_image(state, action.volume, edges)
        case do.Abandon():
            raise AssertionError("the worker cancels what is abandoned")
        case do.CreateContainer():
            await _create(state, action, edges, told)
        case do.StartContainer():
            await _start(state, action, edges)
        case do.RunPostStart():
            await hooks.run_post_start(state, action, edges)
        case do.ResizeContainer():
            await resizing.resize(state, action, edges)
            _event(state, edges, "ResizeCompleted", f"Container {action.container} has been resized", action.container)
        case do.BeginStopping():
            _begin_stopping(state, action, edges)
        case do.RunPreStop():
            await hooks.run_pre_stop(state, action, edges)
        case do.StopContainer():
            _stop(state, action, edges)
        case do.KillContainer():
            await containers.kill(state, action.id, edges)
        case do.DiscardContainer():
            await containers.discard(state, action.id, edges)
        case do.CleanContainer():
            await containers.clean(state, action.id, edges)
        case do.ForgetContainer():
            await containers.forget(state, action.id, edges)
        case do.TearDownSandbox():
            await sandbox.tear_down(state, edges)
        case do.ForgetPod():
            await _forget_pod(state, edges)
        case _:
            assert_never(action)


def _begin_ending(state: PodState, action: do.BeginEnding) -> None:
    ending = Ending(since=now(), grace_s=action.grace_s, reason=action.reason)
    state.keep_pod(replace(state.record, ending=ending))


def _fail(state: PodState, action: do.FailPod, edges: Edges) -> None:
    state.keep_pod(replace(state.record, verdict=action.verdict))
    edges.events.pod(state.record.pod, "Normal", action.verdict.reason, action.verdict.message)


def _begin_stopping(state: PodState, action: do.BeginStopping, edges: Edges) -> None:
    """One container ends while its pod goes on; why is told at once, before its preStop hook."""
    state.keep(replace(state.containers[action.id], stopping=action.stopping))
    _event(state, edges, "Killing", action.stopping.reason, action.container)


async def _prepare_volumes(state: PodState, edges: Edges) -> None:
    """Also again, for what volumes show of objects and of the pod itself: what changes meanwhile comes after it."""
    pod = state.record.pod
    facts = PodFacts(
        hostname=pod_hostname(pod),
        nodename=pod_nodename(pod),
        addresses=() if pod.spec.host_network else edges.network.reserve(state.uid).ips,
        memory_limit_bytes=pod_limits(pod).memory_limit_bytes,
        running=running_facts(state, edges),
        configs=edges.configs.held,
        issuer=edges.config.token_issuer,
        node=edges.config.node_name,
        first_id=state.record.first_id,
    )
    if is_limited(pod):
        await asyncio.to_thread(count_pod, state, edges)
    state.stale = False
    try:
        state.volumes = await edges.volumes.prepare(pod, facts)
    except BaseException:
        state.stale = True
        raise


async def _create(state: PodState, action: do.CreateContainer, edges: Edges, told: Told) -> None:
    try:
        await containers.create(state, action, edges, told.container_ended)
    except ContainerRefusedError as refusal:
        # This attempt has ended: back-off and restart policy apply to it like to any other end.
        pod, cause = state.record.pod, "ContainerCannotRun"
        edges.events.pod(pod, "Warning", "Failed", str(refusal), container=action.container, cause=cause)
    else:
        _event(state, edges, "Created", f"Created container: {action.container}", action.container)


async def _start(state: PodState, action: do.StartContainer, edges: Edges) -> None:
    await containers.start(state, action.id, edges)
    _event(state, edges, "Started", f"Started container {action.container}", action.container)


def _stop(state: PodState, action: do.StopContainer, edges: Edges) -> None:
    if state.containers[action.id].stopping is None:  # else it has been told
        _event(state, edges, "Killing", f"Stopping container {action.container}", action.container)
    containers.stop(state, action.id, action.signal)


def _event(state: PodState, edges: Edges, reason: str, message: str, container: str) -> None:
    edges.events.pod(state.record.pod, "Normal", reason, message, container=container)


def _logs(pod: Pod, edges: Edges) -> Path:
    meta = pod.metadata
    return edges.paths.pod_logs(meta.namespace or "default", meta.name or "", meta.uid or "")


async def _forget_pod(state: PodState, edges: Edges) -> None:
    for cid in tuple(state.containers):
        await containers.forget(state, cid, edges)
    if edges.network.find(state.uid) is not None:  # an address that was reserved and never used
        await edges.network.detach(state.uid)
    await pod_images.unmount_volume_images(state.uid, edges)
    await asyncio.to_thread(_remove_pod, state, edges)


def _remove_pod(state: PodState, edges: Edges) -> None:
    edges.volumes.teardown(state.uid)
    remove_tree(state.paths.state)
    remove_tree(_logs(state.record.pod, edges))
    for path in state.paths.runtime.iterdir():
        if path != state.paths.record:
            remove_tree(path)
    remove_tree(state.paths.runtime)  # the record goes last
    edges.users.release(state.uid)
