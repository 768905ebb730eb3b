"""One attempt of a container: made, started, stopped, cleaned. Each step writes down what it is about to leave."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hostpod.engine.confinement import labels_of, seccomp_of
from hostpod.engine.devices import devices_of
from hostpod.engine.edges import Edges
from hostpod.engine.memory_kills import killed_for_memory
from hostpod.engine.paths import PRIVATE, ContainerPaths
from hostpod.engine.records import ContainerRecord
from hostpod.engine.room import memory_rule
from hostpod.engine.sandbox import described, have_cgroup, id_map, pod_cgroup, sandbox_paths
from hostpod.engine.signals import signal_number
from hostpod.engine.state import PodState
from hostpod.engine.storage import count_container
from hostpod.engine.termination_message import DEFAULT_PATH, make_file, termination_message
from hostpod.engine.variables import running_facts, variables
from hostpod.host.clock import now
from hostpod.host.conmon import ContainerRefusedError, monitor_pid
from hostpod.host.journal import takes_containers
from hostpod.host.log_place import make_log_place, remove_log
from hostpod.host.pids import Watched, start_ticks, watch
from hostpod.host.selinux import relabel
from hostpod.host.store import remove_tree
from hostpod.host.user_namespace import give_pipes
from hostpod.images import Image, link_astray, read_user_files
from hostpod.kube import Container
from hostpod.oci import ImageDefaults, Labels, Mount, SpecError, User, container_spec, container_user
from hostpod.oci.values import Json
from hostpod.plan.actions import CreateContainer
from hostpod.plan.change import resources_of

EXIT_UNKNOWN = 255
EXIT_CANNOT_RUN = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class _Attempt:
    """What one attempt of a container is made of."""

    container: Container
    record: ContainerRecord
    image: Image
    variables: Mapping[str, str]
    labels: Labels


async def create(state: PodState, action: CreateContainer, edges: Edges, ended: Callable[[str], None]) -> None:
    """Make an attempt up to the moment before its process runs.

    What runc refuses (no such program, say) is an attempt that ended. Anything else that is refused is raised, and what
    was made until then stays as an attempt that is "creating": the plan undoes it, after a crash as well.
    """
    container = state.record.pod.spec.container(action.container)
    if action.attempt or state.failures:
        await have_cgroup(state, edges)
    known = await asyncio.to_thread(variables, state, container, running_facts(state, edges), edges.configs.held)
    image = state.images.pop(action.container)
    record = _new_record(state, container, action, image, edges)
    paths = state.paths.container(record.id)
    state.containers[record.id] = record
    paths.bundle.mkdir(parents=True)
    state.keep(record)
    try:
        labels = await asyncio.to_thread(labels_of, state.record.pod, container, edges)
        attempt = _Attempt(container=container, record=record, image=image, variables=known, labels=labels)
        user = await _prepare(state, attempt, edges)
        async with edges.slots:
            pid = await _create_monitored(state, container, record, edges)
    except ContainerRefusedError as refusal:
        state.keep(_refused(record, str(refusal)))
        raise
    edges.runc.note_created(record.id)
    if (first_id := state.record.first_id) != 0:
        give_pipes(pid, first_id + user.uid, first_id + user.gid)
    monitor = monitor_pid(paths.conmon_pid_file)
    state.keep(
        replace(
            record,
            pid=pid,
            pid_started=start_ticks(pid),
            monitor=monitor,
            monitor_started=start_ticks(monitor) if monitor else None,
        )
    )
    observe(state, record.id, ended)


def _refused(record: ContainerRecord, words: str) -> ContainerRecord:
    return replace(record, exit_code=EXIT_CANNOT_RUN, reason="ContainerCannotRun", message=words, finished_at=now())


async def _create_monitored(state: PodState, container: Container, record: ContainerRecord, edges: Edges) -> int:
    """`runc create` under a conmon; the container's pid."""
    paths = state.paths.container(record.id)
    place = edges.cgroups.monitor_place(
        record.id, pod=pod_cgroup(edges, state.record.pod), description=f"conmon of {_described(state, record)}"
    )
    return await edges.conmon.create(
        record.id,
        bundle=paths.bundle,
        log_path=Path(record.log),
        pid_file=paths.pid_file,
        conmon_pid_file=paths.conmon_pid_file,
        name=journal_name(state, container),
        place=place,
        systemd_cgroup=edges.cgroups.by_systemd(record.cgroup),
        journal=takes_containers(edges.config.logging.journal),
        stdin=bool(container.stdin),
        stdin_once=bool(container.stdin_once),
        tty=bool(container.tty),
    )


def _described(state: PodState, record: ContainerRecord) -> str:
    return f"container {record.name} of {described(state.record.pod)}"


def journal_name(state: PodState, container: Container) -> str:
    """CONTAINER_NAME in the journal, the same for every attempt. No part may have an underscore, so it is unique."""
    meta = state.record.pod.metadata
    return f"{container.name}_{meta.name}_{meta.namespace or 'default'}"


def _new_record(
    state: PodState, container: Container, action: CreateContainer, image: Image, edges: Edges
) -> ContainerRecord:
    meta = state.record.pod.metadata
    cid = secrets.token_hex(32)
    logs = edges.paths.pod_logs(meta.namespace or "default", meta.name or "", state.uid)
    return ContainerRecord(
        name=container.name,
        id=cid,
        attempt=action.attempt,
        backoff_s=action.backoff_s,
        image=container.image or "",
        image_id=image.id,
        stop_signal=_stop_signal(container) or image.config.stop_signal or "SIGTERM",
        log=str(logs / container.name / f"{action.attempt}.log"),
        cgroup=edges.cgroups.container_path(pod_cgroup(edges, state.record.pod), cid),
        created_at=now(),
        resources=resources_of(container),
    )


def _stop_signal(container: Container) -> str | None:
    return container.lifecycle.stop_signal if container.lifecycle else None


async def _prepare(state: PodState, attempt: _Attempt, edges: Edges) -> User:
    record = attempt.record
    paths = state.paths.container(record.id)
    await asyncio.to_thread(_make_directories, state, record, edges)
    await edges.images.mount_rootfs(
        attempt.image,
        upper=paths.upper,
        work=paths.work,
        target=paths.rootfs,
        idmap=id_map(state),
        label=attempt.labels.files,
    )
    return await asyncio.to_thread(_write_bundle, state, attempt, edges)


def _make_directories(state: PodState, record: ContainerRecord, edges: Edges) -> None:
    owner, paths = state.record.first_id, state.paths.container(record.id)
    make_log_place(Path(record.log), edges.paths.logs)
    state.paths.state.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    count_container(state, record, edges)
    for directory in (paths.rootfs, paths.upper, paths.work):
        directory.mkdir(parents=True, exist_ok=True)
    if owner:
        os.chown(paths.upper, owner, owner)  # what the container's / is


def _write_bundle(state: PodState, attempt: _Attempt, edges: Edges) -> User:
    """All that runc reads; the user that the container will run as."""
    container, record, image = attempt.container, attempt.record, attempt.image
    paths = state.paths.container(record.id)
    if (why := link_astray(paths.rootfs)) is not None:
        raise SpecError(why)
    assert state.volumes is not None, "containers are made after their pod's volumes"
    devices = devices_of(container, edges.config.devices)
    mounts = edges.volumes.container_mounts(container, state.volumes, attempt.variables, idmap=id_map(state))
    termination_log, destination = paths.termination_log, container.termination_message_path or DEFAULT_PATH
    make_file(termination_log, owner=state.record.first_id)
    if attempt.labels.files:
        _label_files((*(mount.source for mount in mounts if mount.own), termination_log), attempt.labels.files)
    user = container_user(state.record.pod, container, image.config.user, *read_user_files(paths.rootfs))
    spec = container_spec(
        pod=state.record.pod,
        container=container,
        image=_defaults(image),
        variables=attempt.variables,
        sandbox=sandbox_paths(state),
        mounts=(
            *(Mount.bound(mount) for mount in mounts),
            Mount(source=str(termination_log), destination=destination, options=("bind", "rprivate", "rw")),
        ),
        user=user,
        cgroups_path=edges.cgroups.oci_path(record.cgroup),
        annotations=edges.cgroups.annotations(record.cgroup, description=_described(state, record)),
        rootfs=str(paths.rootfs),
        privileges=edges.privileges,
        seccomp=seccomp_of(state.record.pod, container, edges),
        labels=attempt.labels,
        devices=devices.nodes,
        permissions=devices.permissions,
        memory=memory_rule(edges),
    )
    _write_spec(paths.bundle / "config.json", spec)
    _link_log(state, record, edges)
    return user


def _write_spec(path: Path, spec: Json) -> None:
    """For root alone: variables may be secret."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(spec))


def _label_files(own: Iterable[Path], label: str) -> None:
    """SELinux: what is the pod's own is labelled for it; what is the host's keeps its label."""
    for source in own:
        relabel(source, label)


def _defaults(image: Image) -> ImageDefaults:
    config = image.config
    return ImageDefaults(
        entrypoint=config.entrypoint or (),
        cmd=config.cmd or (),
        env=config.env,
        working_dir=config.working_dir,
        user=config.user,
        stop_signal=config.stop_signal or "",
        volumes=config.volumes,
    )


def _log_link(state: PodState, record: ContainerRecord, edges: Edges) -> Path:
    meta = state.record.pod.metadata
    return edges.paths.log_link(meta.namespace or "default", meta.name or "", record.name, record.id)


def _link_log(state: PodState, record: ContainerRecord, edges: Edges) -> None:
    link = _log_link(state, record, edges)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(record.log)


def observe(state: PodState, cid: str, ended: Callable[[str], None]) -> None:
    """Watch a container by its monitor, which ends after it; where that is gone already the end is told at once."""
    record = state.containers[cid]
    if process := _watch(record.pid, record.pid_started, lambda: None):
        state.processes[cid] = process
    if monitor := _watch(record.monitor, record.monitor_started, lambda: ended(cid)):
        state.monitors[cid] = monitor
    else:
        ended(cid)


def _watch(pid: int | None, started: int | None, ended: Callable[[], None]) -> Watched | None:
    # Without its start time a process cannot be told from one that got its number: it had ended before it was asked.
    return watch(pid, ended, started=started) if pid is not None and started is not None else None


async def start(state: PodState, cid: str, edges: Edges) -> None:
    """Let the process run. One that was let run before, and nobody lived to write it down, is written down only."""
    released_at = edges.runc.released_at(cid)
    if released_at is None:
        async with edges.slots:
            await edges.runc.start(cid)
    record, at = state.containers[cid], released_at or now()
    state.keep(replace(record, started_at=min(at, record.finished_at or at)))


def stop(state: PodState, cid: str, signal_name: str) -> None:
    """Ask the container's first process to end. After a crash in here it may be asked twice, but never not at all."""
    if cid in state.processes:
        state.processes[cid].signal(signal_number(signal_name))
    state.keep(replace(state.containers[cid], stop_sent_at=now()))


async def kill(state: PodState, cid: str, edges: Edges) -> None:
    """SIGKILL to all that runs in the container, and then the note that it was sent."""
    if cid in state.processes:
        state.processes[cid].signal(signal.SIGKILL)
    await edges.cgroups.kill_all(state.containers[cid].cgroup)
    state.keep(replace(state.containers[cid], kill_sent=True))


def note_end(state: PodState, cid: str, edges: Edges) -> None:
    """Write down how a container ended, from what its monitor left."""
    record = state.containers[cid]
    if record.exit_code is not None:
        return
    exit_file = edges.paths.exits / cid
    try:
        code, at, message = int(exit_file.read_text()), exit_file.stat().st_mtime, ""
    except (FileNotFoundError, ValueError):
        code, at, message = EXIT_UNKNOWN, now(), "its monitor (conmon) ended without an exit code"
    killed, kills = killed_for_memory(state, cid, code, edges)
    message = message or _said(state, record, edges, failed=code != 0)
    state.keep(
        replace(
            record,
            exit_code=code,
            finished_at=at,
            message=message,
            reason="OOMKilled" if killed else "Completed" if code == 0 else "Error",
        )
    )
    # After the end that tells of them: a kill is rather told twice than never.
    if kills != state.record.oom_kills:
        state.keep_pod(replace(state.record, oom_kills=kills))


def _said(state: PodState, record: ContainerRecord, edges: Edges, *, failed: bool) -> str:
    pod, file = state.record.pod, state.paths.container(record.id).termination_log
    container = pod.spec.container(record.name)
    return termination_message(pod, container, file, log=Path(record.log), logs=edges.paths.logs, failed=failed)


async def clean(state: PodState, cid: str, edges: Edges) -> None:
    """Free everything of an ended container but its record and its log."""
    await _free(state, cid, edges)
    state.keep(replace(state.containers[cid], cleaned=True))


async def discard(state: PodState, cid: str, edges: Edges) -> None:
    """Undo an attempt that never came to be, however far its making got."""
    cgroup = state.containers[cid].cgroup
    await edges.conmon.dismiss(cid, state.paths.container(cid).conmon_pid_file)
    await _free(state, cid, edges)
    await edges.cgroups.kill_all(cgroup)
    await edges.cgroups.remove(cgroup)
    await forget(state, cid, edges)


async def forget(state: PodState, cid: str, edges: Edges) -> None:
    """Remove the record and the log of an attempt."""
    record = state.containers[cid]
    log = Path(record.log)
    await asyncio.to_thread(remove_log, log, log.parents[2])  # that of the daemon which wrote it
    for path in (_log_link(state, record, edges), state.paths.container(cid).bundle):
        await asyncio.to_thread(remove_tree, path)
    del state.containers[cid]


async def _free(state: PodState, cid: str, edges: Edges) -> None:
    paths = state.paths.container(cid)
    for watched in (state.processes.pop(cid, None), state.monitors.pop(cid, None)):
        if watched is not None:
            watched.close()
    async with edges.slots:
        await edges.runc.delete(cid, force=True)
    await edges.images.unmount_rootfs(paths.rootfs)
    await asyncio.to_thread(_remove_files, paths)
    edges.conmon.forget(cid)


def _remove_files(paths: ContainerPaths) -> None:
    remove_tree(paths.layer)
    for path in paths.bundle.glob("*"):
        if path != paths.record:
            remove_tree(path)
