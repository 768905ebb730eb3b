"""Finding again what an earlier daemon left: pods go on as they are, and what belongs to no pod is removed.

Runs before any worker. Only what cannot be seen is read from records; whether a process lives is asked of the kernel.
What is half-made or half-removed of a pod is left to its plan. What cannot be removed is told, and tried again by the
next daemon: nothing that was left behind keeps this one from starting.
"""

from __future__ import annotations

import asyncio
import glob
import logging
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hostpod.engine import connection, containers, pod_images, sandbox
from hostpod.engine.edges import Edges
from hostpod.engine.executor import Told
from hostpod.engine.paths import PodPaths, close_to_others
from hostpod.engine.records import ContainerRecord, DamagedRecordError, PodRecord, container_records
from hostpod.engine.refusals import REFUSALS, words
from hostpod.engine.state import PodState
from hostpod.host.mount import unmount_under
from hostpod.host.pids import start_ticks
from hostpod.host.store import remove_tree
from hostpod.host.strays import end_strays

log = logging.getLogger(__name__)


async def adopt(edges: Edges, gets_on: Callable[[], None]) -> list[PodState]:
    """Every pod that was admitted, as it is now; nothing else of this instance is left on the host.

    `gets_on` is called before each thing that is removed: a file system that does not answer holds it up.
    """
    states = list(_admitted(edges))
    records = [record for state in states for record in state.containers.values()]
    made = {record.id for record in records if record.phase != "creating"}
    gets_on()
    await end_strays(edges.paths.runc, monitored=made)
    pauses = {sandbox.pause_id(state.uid) for state in states}
    await _remove_unknown_containers({record.id for record in records} | pauses, edges, gets_on)
    await _remove_unknown_cgroups({sandbox.pod_cgroup(edges, state.record.pod) for state in states}, edges, gets_on)
    await _remove_unknown_pods({state.uid for state in states}, edges, gets_on)
    await _remove_bundles(states, edges, gets_on)
    joined = edges.network.joined()
    for state in states:
        _find_network(state, joined, edges)
    with _if_possible("ports of the host"):
        await edges.network.publish(
            {state.uid: connection.ports_of_host(state.record.pod) for state in states if state.networked}
        )
    return states


def _admitted(edges: Edges) -> Iterator[PodState]:
    for directory in _directories(edges.paths.pods):
        paths = edges.paths.pod(directory.name)
        try:
            record = PodRecord.load(paths)
        except DamagedRecordError as damage:
            log.warning("pod %s cannot be adopted and is removed: %s", directory.name, damage)
        else:
            # How far its sandbox was taken down only the sandbox itself could tell.
            if record.first_id:
                edges.users.note(directory.name, record.first_id)
            close_to_others(paths, record.first_id)
            yield PodState(record=record, paths=paths, containers=_containers(paths), remains=True)


def _containers(paths: PodPaths) -> dict[str, ContainerRecord]:
    found = {}
    for directory in container_records(paths):
        try:
            record = ContainerRecord.load(directory / "record.json")
        except DamagedRecordError as damage:
            log.warning("container %s cannot be adopted and is removed: %s", directory.name, damage)
        else:
            found[record.id] = record
    return found


def _directories(parent: Path) -> list[Path]:
    return sorted(path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []


# What belongs to no adopted pod


@contextmanager
def _if_possible(what: str) -> Iterator[None]:
    try:
        yield
    except REFUSALS as refusal:
        log.warning("left for later: %s: %s", what, words(refusal))


async def _remove_unknown_containers(ids: Set[str], edges: Edges, gets_on: Callable[[], None]) -> None:
    for cid in edges.runc.list_ids():
        if cid not in ids:
            gets_on()
            with _if_possible(f"container {cid}"):
                await edges.runc.delete(cid, force=True)
    for directory in (edges.paths.exits, edges.paths.attach):
        for path in directory.iterdir():
            # conmon writes an exit code to ID.XXXXXX first, perhaps just now.
            if path.name.partition(".")[0] not in ids:
                with _if_possible(f"container {path.name}"):
                    remove_tree(path)


async def _remove_unknown_cgroups(paths: Set[str], edges: Edges, gets_on: Callable[[], None]) -> None:
    for cgroup in await edges.cgroups.list_pods():
        if cgroup.path not in paths:
            gets_on()
            with _if_possible(f"pod {cgroup.uid}"):
                await edges.cgroups.kill_all(cgroup.path)
                await edges.cgroups.remove(cgroup.path)


async def _remove_unknown_pods(uids: Set[str], edges: Edges, gets_on: Callable[[], None]) -> None:
    with _if_possible("other pods' addresses"):
        await edges.network.forget_except(uids)
    for path in (*edges.paths.pods.iterdir(), *edges.paths.pod_states.iterdir()):
        if path.name not in uids:
            gets_on()
            with _if_possible(f"pod {path.name}"):
                if path.is_dir():
                    await pod_images.unmount_volume_images(path.name, edges)
                for bundle in container_records(edges.paths.pod(path.name)):
                    await edges.images.unmount_rootfs(bundle / "rootfs")
                await asyncio.to_thread(_remove_pod_files, path, edges)
    _remove_dangling_links(edges)


def _remove_pod_files(path: Path, edges: Edges) -> None:
    """`path` is what a pod has on either side, or a stray file."""
    if path.is_dir():
        edges.volumes.teardown(path.name)
    unmount_under(path)
    remove_tree(path)
    for logs in edges.paths.logs.glob(f"*_{glob.escape(path.name)}"):
        remove_tree(logs)


def _remove_dangling_links(edges: Edges) -> None:
    for link in edges.paths.log_links.iterdir():
        if link.is_symlink() and not link.exists() and link.readlink().is_relative_to(edges.paths.logs):
            with _if_possible(f"log {link.name}"):
                link.unlink()


async def _remove_bundles(states: list[PodState], edges: Edges, gets_on: Callable[[], None]) -> None:
    """Attempts without a readable record. Their pods go on, and make them anew."""
    for state in states:
        known = {state.paths.container(cid).bundle for cid in state.containers}
        for bundle in set(container_records(state.paths)) - known:
            gets_on()
            with _if_possible(f"container {bundle.name}"):
                await edges.images.unmount_rootfs(bundle / "rootfs")
                await asyncio.to_thread(remove_tree, state.paths.container(bundle.name).layer)
                await asyncio.to_thread(remove_tree, bundle)
                for link in edges.paths.log_links.glob(f"*-{glob.escape(bundle.name)}*.log"):
                    link.unlink()


# What goes on


async def resume(state: PodState, edges: Edges, told: Told) -> None:
    """Watch again what lives, and tell what ended or began while nobody looked."""
    sandbox.resume_pause(state, told.pause_ended)
    for cid in tuple(state.containers):
        await _resume_container(state, cid, edges, told)
    sandbox.find_namespaces(state)
    if state.namespaces is None:
        state.networked = False  # a link that is still there is about to follow its namespace


def _find_network(state: PodState, joined: Set[str], edges: Edges) -> None:
    """The pod's address stays its own even where its link is gone, or hangs in the air without a bridge."""
    if state.record.sandbox_at is not None:
        state.attachment = edges.network.find(state.uid)
        is_joined = state.attachment is not None and state.attachment.host_link in joined
        state.networked = is_joined or bool(state.record.pod.spec.host_network)


async def _resume_container(state: PodState, cid: str, edges: Edges, told: Told) -> None:
    record = state.containers[cid]
    if record.phase == "created":
        await _settle_start(state, record, edges)
    if state.containers[cid].phase in ("created", "running"):
        containers.observe(state, cid, told.container_ended)


async def _settle_start(state: PodState, record: ContainerRecord, edges: Edges) -> None:
    """Whether the last daemon let a created container run, and died before it wrote that down."""
    if edges.runc.released_at(record.id) is not None:
        with _if_possible(f"the start of container {record.id}"):
            await containers.start(state, record.id, edges)
    elif record.pid is None or start_ticks(record.pid) != record.pid_started:
        # It ended while it waited, by the daemon's death as a rule: its program never ran, and nothing is counted.
        state.containers[record.id] = replace(record, pid=None)
