"""hostpod drain: without a daemon every pod ends in order, and what pods stand on is taken away with the last one."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

from hostpod.config import Config
from hostpod.daemon.instance import InUseError, leave, open_edges, own, own_directories
from hostpod.daemon.refused import refused
from hostpod.engine.engine import Engine
from hostpod.engine.paths import Paths
from hostpod.host import journal
from hostpod.host.privileges import allow_many_descriptors
from hostpod.plan.leaving import Farewell

DRAIN = Farewell(reason="this host is drained", finished_too=True)


class DrainError(Exception):
    """The host cannot be drained; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drained:
    """Names of the pods that ended, and of those that did not within their grace period and a while after it."""

    ended: tuple[str, ...]
    left: tuple[str, ...]


def drain(config: Config) -> Drained:
    """End every pod of this instance. Raises DrainError, also where a daemon runs."""
    journal.set_up("warning")
    allow_many_descriptors()
    paths = Paths.of(config.directories)
    try:
        with own(paths):
            drained = asyncio.run(_drain(config))
    except InUseError as error:
        raise DrainError("the daemon runs: stop it first (systemctl stop hostpod)") from error
    except Exception as error:
        words = refused(error)
        if not words:
            raise
        raise DrainError(words) from error
    if not drained.left:
        _remove_empty(paths)
    return drained


async def _drain(config: Config) -> Drained:
    async with AsyncExitStack() as stack:
        edges = await open_edges(config, stack, starts=False)
        engine = Engine(edges, changed=lambda: None)
        await engine.adopt()
        stack.push_async_callback(leave, edges, engine)
        before = engine.names()
        engine.apply([wish for wishes in engine.adopted().values() for wish in wishes])
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(engine.run(), name="engine")
            await engine.leave(DRAIN)
            running.cancel()
        left = engine.names()
        return Drained(ended=tuple(name for name in before if name not in left), left=left)


def _remove_empty(paths: Paths) -> None:
    """The directories that are empty now; the runtime directory itself is systemd's."""
    for directory in reversed(own_directories(paths)):
        if directory not in (paths.state, paths.runtime):
            with suppress(OSError):
                directory.rmdir()
