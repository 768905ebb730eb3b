"""hostpod serve: settings in, everything built here, one TaskGroup, signals, readiness.

Ending the daemon, however it ends, touches no container (but with stopPodsOnExit): the next one adopts them.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, closing
from dataclasses import dataclass, field
from typing import TypeVar

from hostpod.config import Config
from hostpod.daemon.instance import leave, open_edges, own
from hostpod.daemon.planning import PlanningNode
from hostpod.daemon.problems import problems_of
from hostpod.daemon.refused import refused
from hostpod.daemon.reload import reload_on
from hostpod.daemon.shutdown import HostShutdown
from hostpod.daemon.status_line import StatusLine
from hostpod.daemon.watchdog import Ping, keep_alive
from hostpod.engine.edges import Edges
from hostpod.engine.engine import Engine
from hostpod.engine.paths import Paths
from hostpod.engine.pod_images import tell_preloaded
from hostpod.engine.pressure import PressureWatch
from hostpod.engine.worker import Wish
from hostpod.host import journal, notify
from hostpod.host.dbus import Bus
from hostpod.host.privileges import allow_many_descriptors
from hostpod.images import Preloaded
from hostpod.plan.leaving import Farewell
from hostpod.plan.summary import summary
from hostpod.server.listen import serve as serve_http
from hostpod.sources.snapshot import Snapshot, config_identity
from hostpod.sources.sources import Sources, open_sources

T = TypeVar("T")

log = logging.getLogger(__name__)

EXIT_SOFTWARE = 70  # of sysexits.h: systemd starts the daemon again
EXIT_S = 30.0  # what follows when all pods are gone: network, cgroups, open requests
ITEM_S = 90.0  # for each thing that an earlier daemon left: what systemd gives a whole start
STOPPED = Farewell(reason="hostpod ends, and stopPodsOnExit is set")


def serve(config: Config, read: Callable[[], Config]) -> int:
    """Run the daemon until SIGTERM or SIGINT. `read` reads the settings anew at SIGHUP. Returns the exit code."""
    journal.set_up(config.log_level)
    allow_many_descriptors()
    try:
        with own(Paths.of(config.directories)):
            asyncio.run(_serve(config, read))
    except Exception as error:
        if words := refused(error):
            journal.last_words(words)
            return 1
        log.critical(
            "a fault of hostpod's own ended the daemon; containers go on", exc_info=True, extra={"event": "Fault"}
        )
        return EXIT_SOFTWARE
    return 0


@dataclass(frozen=True, slots=True)
class _Signals:
    """What the daemon is asked by signals, from its first moment on."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    reload: asyncio.Event = field(default_factory=asyncio.Event)

    def heed(self) -> None:
        self._on_stop(self.stop.set)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.reload.set)

    async def unless_stopped(self, start: Awaitable[T]) -> T | None:
        """What a start brings; None where it was cut short because the daemon is asked to end."""
        try:
            async with asyncio.timeout(None) as patience:

                def cut() -> None:
                    self._on_stop(self.stop.set)  # a second signal changes nothing
                    self.stop.set()
                    patience.reschedule(0.0)

                self._on_stop(cut)
                try:
                    return await start
                finally:
                    self._on_stop(self.stop.set)
        except TimeoutError:
            if not patience.expired():
                raise
            return None

    def _on_stop(self, call: Callable[[], object]) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, call)


class _Daemon:
    """What runs, and what passes between its parts."""

    def __init__(self, edges: Edges, bus: Bus) -> None:
        self.edges = edges
        self.status = StatusLine(asyncio.get_running_loop())
        self.engine = Engine(edges, changed=self._pods_changed)
        self.pressure = PressureWatch(edges, self.engine)
        self.node = PlanningNode(self.engine, edges, lambda: self.sources)
        self.shutdown = HostShutdown(self.engine, lambda: edges.config, bus)

    def _pods_changed(self) -> None:
        self.status.changed()
        self.pressure.pods_changed()

    def preload_images(self) -> None:
        """Those that lie in a directory, before a pod asks for one."""
        config, paths = self.edges.config, self.edges.paths
        self.edges.images.watch_pulls(self.status.changed)
        self.edges.images.preload(config.images.preload or paths.preload, self._preloaded)

    def _preloaded(self, news: Preloaded) -> None:
        tell_preloaded(news, self.edges.events)
        if news.images:
            self.engine.retry_images()

    def open_sources(self) -> Sources:
        """Of manifests. Pods that are here are known to them, so that a broken file keeps them."""
        known = {file: [wish.pod for wish in wishes] for file, wishes in self.engine.adopted().items()}
        self.sources = open_sources(self.edges.config, state=self.edges.paths.state, known=known)
        return self.sources

    def apply(self, snapshot: Snapshot) -> None:
        """Hand a snapshot of all manifests on: pods to the engine, problems to people."""
        self.node.show_problems(problems_of(snapshot))
        self.engine.show_configs({config_identity(each.config): each.config for each in snapshot.configs})
        self.engine.apply([Wish(pod=sourced.pod, file=sourced.file) for sourced in snapshot.pods])
        self.status.changed()

    def reconfigure(self, config: Config, tasks: asyncio.TaskGroup) -> None:
        """Other settings, to those who use them."""
        journal.set_level(config.log_level)
        self.engine.reconfigure(config)
        self.sources.reconfigure(config)
        self.pressure.look_now()
        tasks.create_task(self.shutdown.check(), name="check logind")

    def pings(self) -> Mapping[str, Ping]:
        """All whose work the watchdog looks at."""
        return {**self.engine.pings(), **self.sources.pings()}

    def summary(self) -> str:
        """One line about all pods and manifests."""
        broken = {problem["file"] for problem in self.node.problems() if not problem.get("warning")}
        line = summary(self.engine.counts(), broken_manifests=len(broken), pulls=self.edges.images.pulling())
        return "; ".join((line, *sorted(self.pressure.conditions)))

    async def end(self) -> None:
        """What comes before the end: nothing, so that pods go on, or all pods end."""
        notify.stopping()
        if not self.edges.config.stop_pods_on_exit:
            log.info("stopping; containers go on", extra={"event": "Stopping"})
            return
        log.info("stopping; pods end first (stopPodsOnExit)", extra={"event": "StoppingPods"})
        notify.extend_timeout(self.engine.leaving_takes_s(STOPPED) + EXIT_S)
        await self.engine.leave(STOPPED)


async def _serve(config: Config, read: Callable[[], Config]) -> None:
    asked = _Signals()
    asked.heed()
    async with AsyncExitStack() as stack:
        started = await asked.unless_stopped(_start(config, stack))
        if started is None:
            _cut_short(config)
            return
        daemon = started.daemon
        async with asyncio.TaskGroup() as tasks:
            guard = tasks.create_task(daemon.shutdown.run(), name="shutdown of the host")
            work = [
                tasks.create_task(daemon.engine.run(), name="engine"),
                tasks.create_task(daemon.pressure.run(), name="pressure"),
                tasks.create_task(daemon.sources.follow(daemon.apply), name="manifests"),
                tasks.create_task(_reloads(daemon, asked.reload, read, tasks), name="reload"),
            ]
            notify.ready()
            daemon.status.show(daemon.summary)
            log.info("ready on node %s", config.node_name, extra={"event": "Ready"})
            work.append(tasks.create_task(keep_alive(notify.watchdog_s(), daemon.pings), name="watchdog"))
            await asked.stop.wait()
            guard.cancel()  # a shutdown that is called off must not bring back pods that end with the daemon
            await daemon.end()
            await started.serving.aclose()
            for task in work:
                task.cancel()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Started:
    """A daemon that answers."""

    daemon: _Daemon
    serving: AsyncExitStack


async def _start(config: Config, stack: AsyncExitStack) -> _Started:
    sockets = [stack.enter_context(closing(each)) for each in notify.activated_sockets()]
    edges = await open_edges(config, stack)
    daemon = _Daemon(edges, stack.enter_context(closing(Bus())))
    daemon.preload_images()
    await daemon.engine.adopt(gets_on=lambda: notify.extend_timeout(ITEM_S))
    stack.push_async_callback(leave, edges, daemon.engine)
    sources = await stack.enter_async_context(aclosing(daemon.open_sources()))
    daemon.apply(await sources.first())
    serving = await stack.enter_async_context(AsyncExitStack())
    await serving.enter_async_context(serve_http(daemon.node, http=config.http, control=config.socket, sockets=sockets))
    return _Started(daemon=daemon, serving=serving)


def _cut_short(config: Config) -> None:
    """Pods that are not all adopted cannot be ended in order."""
    notify.stopping()
    log.info("stopping before the start was over; containers go on", extra={"event": "Stopping"})
    if config.stop_pods_on_exit:
        log.warning("stopPodsOnExit: pods were not adopted yet and go on; end them with: hostpod drain")


async def _reloads(daemon: _Daemon, asked: asyncio.Event, read: Callable[[], Config], tasks: asyncio.TaskGroup) -> None:
    await reload_on(asked, read, lambda: daemon.edges.config, lambda config: daemon.reconfigure(config, tasks))
