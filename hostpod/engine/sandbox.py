"""The pod around its containers: namespaces, cgroup, address and the pause process. Steps undo themselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

from hostpod.engine import connection
from hostpod.engine.edges import Edges
from hostpod.engine.paths import PodPaths
from hostpod.engine.state import PodState
from hostpod.host.clock import now
from hostpod.host.mount import IdMap
from hostpod.host.namespaces import Kind, make, of_process
from hostpod.host.pids import start_ticks, watch
from hostpod.host.runc import RuncError
from hostpod.host.store import StoreError, read_json, remove_tree, write_json
from hostpod.host.user_namespace import make_with_users
from hostpod.kube import Pod
from hostpod.oci import SandboxPaths, pause_spec, pod_limits, pod_nodename, qos_class


def pause_id(uid: str) -> str:
    """runc's id of a pod's pause container."""
    return f"pause-{uid}"


def pod_cgroup(edges: Edges, pod: Pod) -> str:
    """The pod's cgroup, a path from the hierarchy's root: /hostpod/burstable/pod<uid>."""
    return edges.cgroups.pod_path(qos_class(pod), pod.metadata.uid or "")


def described(pod: Pod) -> str:
    """The pod as a line for people, who look at cgroups: `pod default/web-lab`."""
    return f"pod {pod.metadata.namespace or 'default'}/{pod.metadata.name}"


def sandbox_paths(state: PodState) -> SandboxPaths:
    """The namespaces that containers of the pod join; those of the host are left out."""
    spec = state.record.pod.spec
    own = own_namespaces(state.record.pod)
    assert state.namespaces is not None, "the plan runs nothing before there are namespaces"
    joined = {kind: str(state.namespaces.path(kind)) for kind in own}
    shares_pids = spec.share_process_namespace and state.pause is not None
    return SandboxPaths(
        user=joined.get("user"),
        net=joined.get("net"),
        ipc=joined.get("ipc"),
        uts=joined.get("uts"),
        pid=f"/proc/{state.pause.pid}/ns/pid" if shares_pids and state.pause else None,
        first_id=state.record.first_id,
    )


def id_map(state: PodState) -> IdMap | None:
    """How files of the host are shown to a pod that has ids of its own; None where it has the host's."""
    if not state.record.first_id:
        return None
    assert state.namespaces is not None, "the plan runs nothing before there are namespaces"
    return IdMap(namespace=state.namespaces.path("user"), first_id=state.record.first_id)


def own_namespaces(pod: Pod) -> tuple[Kind, ...]:
    """The kinds of namespace that the pod does not share with the host."""
    kinds: list[Kind] = ["user"] if pod.spec.host_users is False else []
    kinds += [] if pod.spec.host_network else ["net", "uts"]
    return tuple(kinds) if pod.spec.host_ipc else (*kinds, "ipc")


async def make_namespaces(state: PodState, edges: Edges) -> None:
    """The pod's cgroup, then its namespaces: nothing runs in them yet."""
    pod = state.record.pod
    state.remains = True
    await have_cgroup(state, edges)
    hostname = None if pod.spec.host_network else pod_nodename(pod)
    if state.record.first_id:
        state.namespaces = await make_with_users(state.record.first_id, hostname=hostname)
    else:
        state.namespaces = await asyncio.to_thread(make, own_namespaces(pod), hostname=hostname)


async def have_cgroup(state: PodState, edges: Edges) -> None:
    """The pod's cgroup with its limits. Asked for again before anything runs in it again: as a unit of systemd somebody
    may have stopped it meanwhile."""
    pod = state.record.pod
    await edges.cgroups.create_pod(
        pod_cgroup(edges, pod),
        pod_limits(pod, pids_limit=edges.config.cgroups.pids_limit),
        description=described(pod),
    )


async def attach_network(state: PodState, edges: Edges) -> None:
    """An address on the bridge, unless the pod lives on the host's network."""
    if not state.record.pod.spec.host_network:
        assert state.namespaces is not None, "the plan joins nothing before there are namespaces"
        state.attachment = await connection.attach(state, state.namespaces.path("net"), edges)
    _note_completion(state, complete=state.pause is not None)
    state.networked = True


async def run_pause(state: PodState, edges: Edges, ended: Callable[[], None]) -> None:
    """Run the process that owns the namespaces. A pause of an earlier try is removed first."""
    bundle = state.paths.pause
    if bundle.exists():
        await have_cgroup(state, edges)
        await edges.runc.delete(pause_id(state.uid), force=True)
        await asyncio.to_thread(remove_tree, bundle)
    bundle.mkdir()
    cgroup = edges.cgroups.pause_path(pod_cgroup(edges, state.record.pod))
    spec = pause_spec(
        pod=state.record.pod,
        namespaces=sandbox_paths(state),
        cgroups_path=edges.cgroups.oci_path(cgroup),
        annotations=edges.cgroups.annotations(cgroup, description=f"pause of {described(state.record.pod)}"),
        rootfs=str(edges.paths.pause_root / "rootfs"),
        privileges=edges.privileges,
    )
    (bundle / "config.json").write_text(json.dumps(spec))
    async with edges.slots:
        await edges.runc.run_detached(
            pause_id(state.uid),
            bundle,
            pid_file=state.paths.pause_pid_file,
            systemd_cgroup=edges.cgroups.by_systemd(cgroup),
        )
    pid = int(state.paths.pause_pid_file.read_text())
    write_json(state.paths.pause / "started", {"pid": pid, "started": start_ticks(pid)}, durable=False)
    _note_completion(state, complete=state.networked)
    state.pause = watch(pid, ended)
    if state.pause is None:
        raise RuncError("cannot run the pause process: it ended at once")


def resume_pause(state: PodState, ended: Callable[[], None]) -> None:
    """Watch the pause process that an earlier daemon started, if it lives."""
    noted = _pause_pid(state.paths)
    if noted is not None:
        pid, started = noted
        state.pause = watch(pid, ended, started=started)


def find_namespaces(state: PodState) -> None:
    """Hold the namespaces that the pod's processes live in; those of a pod without any are gone.

    Any process will do: a pod whose pause process was killed while no daemon ran goes on.
    """
    for process in (state.pause, *state.processes.values()):
        found = of_process(process.pid, own_namespaces(state.record.pod)) if process else None
        if process and found and process.lives:
            state.namespaces = found
            return


def _pause_pid(paths: PodPaths) -> tuple[int, int] | None:
    """The pause process that was started last and its start time in ticks; None when none is known of."""
    try:
        noted = read_json(paths.pause / "started")
    except StoreError:
        return None
    match noted:
        case {"pid": int(pid), "started": int(started)}:
            return pid, started
    return None


def _note_completion(state: PodState, *, complete: bool) -> None:
    # Before it is believed: nothing is started in a pod whose record would tell the next daemon to join it anew.
    if complete and state.record.sandbox_at is None:
        state.keep_pod(replace(state.record, sandbox_at=now()))


async def tear_down(state: PodState, edges: Edges) -> None:
    """Everything that make, attach and run made, in the opposite order. Safe to repeat after a crash at any point."""
    if state.pause is not None:
        state.pause.close()
    async with edges.slots:
        await edges.runc.delete(pause_id(state.uid), force=True)
    state.pause = None
    await edges.network.detach(state.uid)
    state.networked, state.attachment = False, None
    if state.namespaces is not None:
        state.namespaces.close()
    state.namespaces = None
    await edges.cgroups.remove(pod_cgroup(edges, state.record.pod))
    await asyncio.to_thread(remove_tree, state.paths.pause)
    state.remains = False
