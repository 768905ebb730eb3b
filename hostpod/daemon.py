"""The composition root: settings in, everything built here, one TaskGroup, signals, readiness.

Ending the daemon, however it ends, touches no container: the next one adopts them.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, contextmanager
from pathlib import Path
from typing import Any

from hostpod.config import Config
from hostpod.engine.edges import Edges
from hostpod.engine.engine import Engine
from hostpod.engine.events import EventLog
from hostpod.engine.node import NodeView
from hostpod.engine.paths import Paths
from hostpod.engine.worker import Wish
from hostpod.host import journal, notify
from hostpod.host.cgroup import CgroupError, Cgroups
from hostpod.host.clock import now
from hostpod.host.conmon import Conmon
from hostpod.host.pause import PauseError, make_pause_root, remove_pause_root
from hostpod.host.privileges import allow_many_descriptors, find_privileges
from hostpod.host.runc import Runc
from hostpod.host.sealed import sealed_copy
from hostpod.host.store import StoreError
from hostpod.images import ImageError, ImageStore
from hostpod.network import NetworkError, PodNetwork
from hostpod.server.listen import ListenError
from hostpod.server.listen import serve as serve_http
from hostpod.sources.directory import DirectorySource
from hostpod.sources.snapshot import FileProblem, Snapshot
from hostpod.volumes import PodVolumes

log = logging.getLogger(__name__)

EXIT_SOFTWARE = 70  # of sysexits.h: systemd starts the daemon again
STATUS_DELAY_S = 0.5
# runc is mostly on the CPU: more calls at once than this only make each slower.
RUNTIME_CALLS_PER_CORE = 4


class StartError(Exception):
    """The daemon cannot start; the message says why and what to do."""


START_ERRORS = (StartError, OSError, CgroupError, ImageError, ListenError, NetworkError, PauseError, StoreError)


def serve(config: Config) -> int:
    """Run the daemon until SIGTERM or SIGINT. Returns the exit code."""
    journal.set_up(config.log_level)
    allow_many_descriptors()
    try:
        with _own(Paths.of(config.directories)):
            asyncio.run(_serve(config))
    except START_ERRORS as error:
        sys.stderr.write(f"hostpod: {error}\n")
        return 1
    except Exception:
        log.critical("a fault of hostpod's own ended the daemon; containers go on", exc_info=True)
        return EXIT_SOFTWARE
    return 0


@contextmanager
def _own(paths: Paths) -> Iterator[None]:
    """The directories of this instance, for this daemon alone."""
    for directory, mode in (
        (paths.state, 0o711),
        (paths.runtime, 0o711),
        (paths.pods, 0o700),
        (paths.pod_states, 0o711),
        (paths.runc, 0o700),
        (paths.exits, 0o700),
        (paths.attach, 0o700),
        (paths.leases, 0o700),
        (paths.pause_root, 0o755),
        (paths.logs, 0o755),
        (paths.log_links, 0o755),
    ):
        directory.mkdir(mode=mode, parents=True, exist_ok=True)
    with _claimed(paths.runtime, "runtime"), _claimed(paths.state, "state"):
        yield


@contextmanager
def _claimed(directory: Path, setting: str) -> Iterator[None]:
    # The lock is on the directory itself: a full disk has no room for a file.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(f"another hostpod runs on {directory}: stop it, or set directories.{setting}") from error
        yield
    finally:
        os.close(descriptor)


async def _serve(config: Config) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        edges = await _build(config, stack)
        status = StatusLine(loop)
        engine = Engine(edges, changed=status.changed)
        await engine.adopt()
        stack.push_async_callback(_leave, edges, engine)
        node = NodeView(engine, edges)
        known = {file: [wish.pod for wish in wishes] for file, wishes in engine.adopted().items()}
        source = DirectorySource(
            config.manifests, node_name=config.node_name, suffix=config.pod_name_suffix, known=known
        )
        manifests = await stack.enter_async_context(aclosing(source.watch()))
        _apply(await anext(manifests), engine, node)
        async with AsyncExitStack() as serving:
            await serving.enter_async_context(serve_http(node, http=config.http, control=config.socket))
            async with asyncio.TaskGroup() as tasks:
                work = [
                    tasks.create_task(engine.run(), name="engine"),
                    tasks.create_task(_follow(manifests, engine, node), name="manifests"),
                ]
                notify.ready()
                status.show(engine.counts)
                log.info("ready on node %s", config.node_name)
                await stopping.wait()
                notify.stopping()
                log.info("stopping; containers go on")
                await serving.aclose()
                for task in work:
                    task.cancel()


async def _build(config: Config, stack: AsyncExitStack) -> Edges:
    """Everything the engine acts through, opened: what an earlier daemon left half-done in them is put right."""
    paths, binaries = Paths.of(config.directories), config.binaries
    for binary in (binaries.runc, binaries.conmon, binaries.catatonit, binaries.skopeo):
        _found(binary)
    runc = stack.enter_context(sealed_copy(_found(binaries.runc)))
    cgroups = Cgroups.detect(config.cgroups.root)
    cgroups.open()
    make_pause_root(binaries.catatonit, paths.pause_root)
    images = await stack.enter_async_context(
        ImageStore(config.images, binaries, state=paths.images, runtime=paths.layers)
    )
    network = PodNetwork(config.network, leases=paths.leases)
    await network.open()
    return Edges(
        config=config,
        paths=paths,
        runc=Runc(binary=runc, root=paths.runc),
        conmon=Conmon(
            binary=_found(binaries.conmon),
            runc=runc,
            runc_root=paths.runc,
            exit_dir=paths.exits,
            socket_dir=paths.attach,
        ),
        cgroups=cgroups,
        images=images,
        network=network,
        volumes=PodVolumes(state=paths.pod_states, runtime=paths.pods),
        events=EventLog(node=config.node_name, now=now),
        privileges=find_privileges(cgroup_v2=cgroups.layout.version == "v2", controllers=cgroups.controllers),
        slots=asyncio.Semaphore(RUNTIME_CALLS_PER_CORE * (os.cpu_count() or 1)),
    )


async def _leave(edges: Edges, engine: Engine) -> None:
    """What pods stand on stays for the next daemon while there are pods, and is taken away with the last one."""
    empty = engine.is_empty()
    await edges.network.close(remove=empty)
    if empty:
        remove_pause_root(edges.paths.pause_root)
        edges.cgroups.close()


def _found(binary: str) -> str:
    path = shutil.which(binary)
    if path is None:
        raise StartError(f"{binary}: no such program; install its package, or set its path under binaries")
    return path


async def _follow(manifests: AsyncGenerator[Snapshot, None], engine: Engine, node: NodeView) -> None:
    async for snapshot in manifests:
        _apply(snapshot, engine, node)


def _apply(snapshot: Snapshot, engine: Engine, node: NodeView) -> None:
    """Hand a snapshot of all manifests on: pods to the engine, problems to people."""
    node.show_problems([_problem(found) for found in snapshot.problems])
    engine.apply([Wish(pod=sourced.pod, file=sourced.file) for sourced in snapshot.pods])


def _problem(found: FileProblem) -> Mapping[str, Any]:
    problem = found.problem
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
        "text": str(problem),
        "keptPod": ", ".join(found.kept_pods) or None,
    }


class StatusLine:
    """What `systemctl status` says: pods by phase. Told a moment after a change, many changes at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._counts: Callable[[], Mapping[str, int]] | None = None
        self._waiting = False

    def show(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """From now on tell these."""
        self._counts = counts
        self._tell()

    def changed(self) -> None:
        """Something changed."""
        if self._counts is not None and not self._waiting:
            self._waiting = True
            self._loop.call_later(STATUS_DELAY_S, self._tell)

    def _tell(self) -> None:
        self._waiting = False
        counts = self._counts() if self._counts else {}
        phases = ", ".join(f"{count} {phase.lower()}" for phase, count in sorted(counts.items()))
        notify.status(f"{sum(counts.values())} pods: {phases}" if counts else "no pods")
