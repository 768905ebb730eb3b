"""hostpod drain: without a daemon every pod ends in order, and what pods stand on is taken away with the last one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from hostpod.config import Config
from hostpod.daemon.instance import InUseError, leave, open_edges, own, own_directories
from hostpod.daemon.refused import refused
from hostpod.engine.edges import Edges
from hostpod.engine.engine import Engine, pod_key
from hostpod.engine.paths import Paths
from hostpod.host import journal
from hostpod.host.privileges import allow_many_descriptors
from hostpod.network import NetworkError
from hostpod.plan.leaving import Farewell

log = logging.getLogger(__name__)

DRAIN = Farewell(reason="this host is drained", finished_too=True)


class DrainError(Exception):
    """The host cannot be drained; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drained:
    """What is left: names of pods that did not end within their grace period and a while after it; and where there are
    none, what belongs to no pod that is known, and could not be removed."""

    left: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()


def drain(config: Config, tell: Callable[[str], None]) -> Drained:
    """End every pod of this instance; `tell` hears how far it is. Raises DrainError, also where a daemon runs."""
    journal.set_up("warning")
    allow_many_descriptors()
    paths = Paths.of(config.directories)
    if not _was_used(paths.runtime):
        return Drained()
    try:
        with own(paths):
            drained = asyncio.run(_drain(config, tell))
    except InUseError as error:
        raise DrainError(
            "the daemon runs: stop it and its sockets first, which would start it again "
            "(systemctl stop hostpod.socket hostpod-readonly.socket hostpod.service)"
        ) from error
    except Exception as error:
        words = refused(error)
        if not words:
            raise
        raise DrainError(words) from error
    if drained == Drained():
        _remove_empty(paths)
    return drained


def _was_used(runtime: Path) -> bool:
    """Whether a daemon ran since the host was started: a place without cgroups has nothing to be looked for either."""
    return runtime.is_dir() and any(runtime.iterdir())


async def _drain(config: Config, tell: Callable[[str], None]) -> Drained:
    async with AsyncExitStack() as stack:
        edges = await open_edges(config, stack, starts=False)
        progress = Progress(tell)
        engine = Engine(edges, changed=lambda: progress.look(engine))
        await engine.adopt()
        stack.push_async_callback(_leave, edges, engine)
        engine.apply([wish for wishes in engine.adopted().values() for wish in wishes])
        progress.look(engine)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(engine.run(), name="engine")
            await engine.leave(DRAIN)
            running.cancel()
        left = engine.names()
        return Drained(left=left, strays=() if left else await find_strays(edges))


async def find_strays(edges: Edges) -> tuple[str, ...]:
    """What the host still has where no pod is known."""
    uids = {path.name for place in (edges.paths.pods, edges.paths.pod_states) for path in place.iterdir()}
    groups = await edges.cgroups.list_pods()
    return (
        *(f"container {cid}" for cid in sorted(edges.runc.list_ids())),
        *(f"pod {uid}" for uid in sorted(uids)),
        *(f"control group {group.path}" for group in groups),
    )


async def _leave(edges: Edges, engine: Engine) -> None:
    try:
        await leave(edges, engine)
    except NetworkError as error:
        # No pod has it any more: a kernel without nftables, say, holds no rules either.
        log.warning("of the pods' network something may be left: %s", error)


class Progress:
    """Tells of each pod when it is asked to end, and when it has ended."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._here: frozenset[str] = frozenset()
        self._asked: frozenset[str] = frozenset()

    def look(self, engine: Engine) -> None:
        """What has changed since the last look."""
        here = frozenset(engine.names())
        staying = {
            pod_key(wish.pod.metadata.namespace, wish.pod.metadata.name)
            for wishes in engine.adopted().values()
            for wish in wishes
        }
        asked = here - staying
        for name in sorted(asked - self._asked):
            self._tell(f"pod {name} is asked to end")
        for name in sorted(self._here - here):
            self._tell(f"pod {name} ended")
        self._here, self._asked = here, asked


def _remove_empty(paths: Paths) -> None:
    """The directories that are empty now; the runtime directory itself is systemd's."""
    for directory in reversed(own_directories(paths)):
        if directory not in (paths.state, paths.runtime):
            with suppress(OSError):
                directory.rmdir()
