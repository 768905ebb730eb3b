"""The instance: its directories for one daemon alone, and everything the engine acts through."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

from hostpod.config import Config
from hostpod.engine.edges import Edges
from hostpod.engine.engine import Engine
from hostpod.engine.events import EventLog, bound_of
from hostpod.engine.paths import Paths
from hostpod.host.apparmor import load_profile
from hostpod.host.cgroup import CgroupError
from hostpod.host.cgroup_choice import choose_driver
from hostpod.host.clock import now
from hostpod.host.conmon import Conmon
from hostpod.host.notify import ActivationError
from hostpod.host.pause import PauseError, make_pause_root, remove_pause_root
from hostpod.host.privileges import find_privileges
from hostpod.host.process import CommandError
from hostpod.host.runc import Runc
from hostpod.host.sealed import sealed_copy
from hostpod.host.store import StoreError
from hostpod.images import ImageError, ImageStore
from hostpod.network import NetworkError, PodNetwork
from hostpod.oci import DEFAULT_PROFILE
from hostpod.server.listen import ListenError
from hostpod.volumes import PodVolumes

log = logging.getLogger(__name__)

# runc is mostly on the CPU: more calls at once than this only make each slower.
RUNTIME_CALLS_PER_CORE = 4


class StartError(Exception):
    """The daemon cannot start; the message says why and what to do."""


class InUseError(StartError):
    """Another daemon has the directories."""


START_ERRORS = (
    StartError,
    OSError,
    ActivationError,
    CgroupError,
    ImageError,
    ListenError,
    NetworkError,
    PauseError,
    StoreError,
)


@contextmanager
def own(paths: Paths) -> Iterator[None]:
    """The directories of this instance, for this daemon alone."""
    for directory, mode in _directories(paths):
        directory.mkdir(mode=mode, parents=True, exist_ok=True)
    paths.pods.chmod(0o711)  # a daemon of before may have made it
    with _claimed(paths.runtime, "runtime"), _claimed(paths.state, "state"):
        yield


def own_directories(paths: Paths) -> list[Path]:
    """The directories of an instance, those above before those below."""
    return [directory for directory, _ in _directories(paths)]


def _directories(paths: Paths) -> tuple[tuple[Path, int], ...]:
    return (
        (paths.state, 0o711),
        (paths.runtime, 0o711),
        (paths.pods, 0o711),
        (paths.pod_states, 0o711),
        (paths.runc, 0o700),
        (paths.exits, 0o700),
        (paths.attach, 0o700),
        (paths.leases, 0o700),
        (paths.pause_root, 0o755),
        (paths.logs, 0o755),
        (paths.log_links, 0o755),
    )


@contextmanager
def _claimed(directory: Path, setting: str) -> Iterator[None]:
    # The lock is on the directory itself: a full disk has no room for a file.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUseError(f"another hostpod runs on {directory}: stop it, or set directories.{setting}") from error
        yield
    finally:
        os.close(descriptor)


async def open_edges(config: Config, stack: AsyncExitStack, *, starts: bool = True) -> Edges:
    """Everything the engine acts through, opened: what an earlier daemon left half-done in them is put right.

    Where nothing `starts` any more, runc is the only program that must be there, and what pods stand on is not made:
    what keeps a daemon from its start does not keep pods from their end.
    """
    paths, binaries = Paths.of(config.directories), config.binaries
    if starts:
        for binary in (binaries.conmon, binaries.catatonit, binaries.skopeo):
            _found(binary)
        make_pause_root(binaries.catatonit, paths.pause_root)
    runc = stack.enter_context(sealed_copy(_found(binaries.runc)))
    cgroups = choose_driver(config.cgroups.driver, config.cgroups.root, stack)
    if starts:
        await cgroups.open()
    privileges = find_privileges(cgroup_v2=cgroups.layout.version == "v2", controllers=cgroups.controllers)
    if starts and privileges.apparmor:
        await _load_apparmor(binaries.apparmor_parser)
    images = await stack.enter_async_context(
        ImageStore(config.images, binaries, state=paths.images, runtime=paths.layers)
    )
    network = PodNetwork(config.network, leases=paths.leases)
    await network.open(sets_up=starts)
    events = EventLog(node=config.node_name, now=now, bound=bound_of(config.events))
    stack.enter_context(events.kept(paths.state / "events.jsonl", config.events))
    return Edges(
        config=config,
        paths=paths,
        runc=Runc(binary=runc, root=paths.runc),
        conmon=Conmon(
            binary=shutil.which(binaries.conmon) or binaries.conmon,
            runc=runc,
            runc_root=paths.runc,
            exit_dir=paths.exits,
            socket_dir=paths.attach,
        ),
        cgroups=cgroups,
        images=images,
        network=network,
        volumes=PodVolumes(
            state=paths.pod_states, runtime=paths.pods, claims=paths.claims, keys=paths.service_accounts
        ),
        events=events,
        privileges=privileges,
        slots=asyncio.Semaphore(RUNTIME_CALLS_PER_CORE * (os.cpu_count() or 1)),
    )


async def leave(edges: Edges, engine: Engine) -> None:
    """What pods stand on stays for the next daemon while there are pods, and is taken away with the last one."""
    empty = engine.is_empty()
    try:
        await edges.network.close(remove=empty)
    finally:
        if empty:
            remove_pause_root(edges.paths.pause_root)
            await edges.cgroups.close()


async def _load_apparmor(parser: str) -> None:
    """The profile of containers that name none; without it they have none, and who asks for it is refused."""
    try:
        await load_profile(DEFAULT_PROFILE, parser)
    except CommandError as error:
        log.warning("containers are not confined by AppArmor: %s", error)


def _found(binary: str) -> str:
    path = shutil.which(binary)
    if path is None:
        raise StartError(f"{binary}: no such program; install its package, or set its path under binaries")
    return path
