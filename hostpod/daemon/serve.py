"""The composition root: settings in, everything built here, one TaskGroup, signals, readiness.

Ending the daemon, however it ends, touches no container: the next one adopts them.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any

from hostpod.config import Config
from hostpod.daemon.instance import leave, open_edges, own
from hostpod.daemon.refused import refused
from hostpod.daemon.status_line import StatusLine
from hostpod.engine.engine import Engine
from hostpod.engine.node import NodeView
from hostpod.engine.paths import Paths
from hostpod.engine.worker import Wish
from hostpod.host import journal, notify
from hostpod.host.privileges import allow_many_descriptors
from hostpod.server.listen import serve as serve_http
from hostpod.sources.directory import DirectorySource
from hostpod.sources.snapshot import FileProblem, Snapshot

log = logging.getLogger(__name__)

EXIT_SOFTWARE = 70  # of sysexits.h: systemd starts the daemon again


def serve(config: Config) -> int:
    """Run the daemon until SIGTERM or SIGINT. Returns the exit code."""
    journal.set_up(config.log_level)
    allow_many_descriptors()
    try:
        with own(Paths.of(config.directories)):
            asyncio.run(_serve(config))
    except Exception as error:
        if words := refused(error):
            sys.stderr.write(f"hostpod: {words}\n")
            return 1
        log.critical(
            "a fault of hostpod's own ended the daemon; containers go on", exc_info=True, extra={"event": "Fault"}
        )
        return EXIT_SOFTWARE
    return 0


async def _serve(config: Config) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        edges = await open_edges(config, stack)
        status = StatusLine(loop)
        engine = Engine(edges, changed=status.changed)
        await engine.adopt()
        stack.push_async_callback(leave, edges, engine)
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
                log.info("ready on node %s", config.node_name, extra={"event": "Ready"})
                await stopping.wait()
                notify.stopping()
                log.info("stopping; containers go on", extra={"event": "Stopping"})
                await serving.aclose()
                for task in work:
                    task.cancel()


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
