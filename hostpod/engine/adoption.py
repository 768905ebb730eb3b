"""Finding again what an earlier daemon left: pods go on as they are, what is half-made is undone, the rest is removed.

Runs before any worker. Only what cannot be seen is read from records; whether a process lives is asked of the kernel.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

from hostpod.engine import containers, sandbox
from hostpod.engine.edges import Edges
from hostpod.engine.executor import Told
from hostpod.engine.paths import PodPaths
from hostpod.engine.records import ContainerRecord, DamagedRecordError, PodRecord, container_records
from hostpod.engine.state import PodState
from hostpod.host.clock import now
from hostpod.host.mount import unmount_under
from hostpod.host.namespaces import pinned, unpin
from hostpod.host.pids import watch
from hostpod.host.store import remove_tree

log = logging.getLogger(__name__)


async def adopt(edges: Edges) -> list[PodState]:
    """Every pod that was admitted, as it is now; nothing else of this instance is left on the host."""
    states = [state async for state in _admitted(edges)]
    await _remove_unknown(states, edges)
    return states


async def _admitted(edges: Edges) -> AsyncIterator[PodState]:
    for directory in _directories(edges.paths.pods):
        paths = edges.paths.pod(directory.name)
        try:
            record = PodRecord.load(paths)
        except DamagedRecordError as damage:
            log.warning("pod %s cannot be adopted and is removed: %s", directory.name, damage)
            await _remove_remains(directory.name, paths, edges)
            continue
        state = PodState(record=record, paths=paths)
        await _find_containers(state, edges)
        yield state


def _directories(parent: Path) -> Iterator[Path]:
    if parent.is_dir():
        yield from sorted(path for path in parent.iterdir() if path.is_dir())


async def _find_containers(state: PodState, edges: Edges) -> None:
    for directory in container_records(state.paths):
        try:
            record = ContainerRecord.load(directory / "record.json")
        except DamagedRecordError as damage:
            log.warning("container %s cannot be adopted and is removed: %s", directory.name, damage)
            await _remove_bundle(directory, edges)
            continue
        state.containers[record.id] = record
        if record.phase == "creating":
            await containers.discard(state, record, edges)


async def resume(state: PodState, edges: Edges, told: Told) -> None:
    """Watch again what lives, and write down what ended or began while nobody looked."""
    pod = state.record.pod
    kinds = sandbox.own_namespaces(pod)
    state.namespaces = bool(kinds) and set(kinds) <= set(pinned(state.paths.namespaces))
    if state.record.sandbox_at is not None:
        state.attachment = edges.network.find(state.uid)
        state.networked = state.attachment is not None or bool(pod.spec.host_network)
    _resume_pause(state, told)
    for cid in tuple(state.containers):
        await _resume_container(state, cid, edges, told)


def _resume_pause(state: PodState, told: Told) -> None:
    noted = sandbox.pause_pid(state.paths)
    if noted is not None:
        pid, started = noted
        state.pause = watch(pid, told.pause_ended, started=started)


async def _resume_container(state: PodState, cid: str, edges: Edges, told: Told) -> None:
    record = state.containers[cid]
    if record.phase not in ("created", "running"):
        return
    if not containers.observe(state, cid, told.container_ended):
        # The monitor is gone: either the container ended meanwhile, or it lives on with nobody to log it.
        await containers.kill(state, cid, edges)
        containers.note_end(state, cid, edges)
    elif record.phase == "created":
        found = await edges.runc.state(cid)
        if found is not None and found.status == "running":
            state.keep(replace(record, started_at=now()))


# What belongs to no adopted pod


async def _remove_unknown(states: list[PodState], edges: Edges) -> None:
    uids = {state.uid for state in states}
    ids = {cid for state in states for cid in state.containers} | {sandbox.pause_id(uid) for uid in uids}
    for cid in edges.runc.list_ids():
        if cid not in ids:
            await edges.runc.delete(cid, force=True)
    await edges.network.forget_except(uids)
    for cgroup in edges.cgroups.list_pods():
        if cgroup.uid not in uids:
            await asyncio.to_thread(edges.cgroups.kill_all, cgroup.path)
            await asyncio.to_thread(edges.cgroups.remove_pod, cgroup.path)
    for directory in _directories(edges.paths.pod_states):
        if directory.name not in uids:
            await asyncio.to_thread(_remove_state, directory, edges)
    for exit_file in edges.paths.exits.iterdir():
        if exit_file.name not in ids:
            exit_file.unlink(missing_ok=True)
    _remove_dangling_links(edges)


def _remove_state(directory: Path, edges: Edges) -> None:
    edges.volumes.teardown(directory.name)
    remove_tree(directory)


def _remove_dangling_links(edges: Edges) -> None:
    if not edges.paths.log_links.is_dir():
        return
    for link in edges.paths.log_links.iterdir():
        if link.is_symlink() and not link.exists() and link.readlink().is_relative_to(edges.paths.logs):
            link.unlink()


async def _remove_remains(uid: str, paths: PodPaths, edges: Edges) -> None:
    """A pod without a readable record: nobody knows what it was, so all of it goes."""
    for directory in container_records(paths):
        await _remove_bundle(directory, edges)
    await edges.runc.delete(sandbox.pause_id(uid), force=True)
    await edges.network.detach(uid)
    unpin(paths.namespaces)
    edges.volumes.teardown(uid)
    unmount_under(paths.runtime)
    await asyncio.to_thread(remove_tree, paths.state)
    await asyncio.to_thread(remove_tree, paths.runtime)


async def _remove_bundle(bundle: Path, edges: Edges) -> None:
    for cid in edges.runc.list_ids():
        if cid.startswith(bundle.name):
            await edges.runc.delete(cid, force=True)
    await edges.images.unmount_rootfs(bundle / "rootfs")
    await asyncio.to_thread(remove_tree, bundle)
