"""A shutdown of the host waits, by logind's grace, until pods have ended in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from hostpod.config import Config
from hostpod.engine.engine import Engine
from hostpod.host.dbus import Bus, BusError, BusRefusalError, Signals
from hostpod.host.logind import Inhibitor, Logind, systemd_runs
from hostpod.plan.leaving import Farewell
from hostpod.plan.observed import Verdict

log = logging.getLogger(__name__)

# The kubelet's words.
TERMINATED = Verdict(reason="Terminated", message="Pod was terminated in response to imminent node shutdown.")
# After SIGKILL a pod is gone within this, on a host that does not struggle.
SLACK_S = 2.0
# A bus that was restarted is back soon; a host without one is not asked all the time.
RECONNECT_S, RECONNECT_MAX_S = 1.0, 3600.0
# A shutdown waits already, so logind is not waited for.
ASK_DEADLINE_S = 1.0
_DROP_IN = "/etc/systemd/logind.conf.d/hostpod.conf"


class HostShutdown:
    """Run it as one task. It ends at once where systemd does not run, and then nothing is loaded or held up."""

    def __init__(self, engine: Engine, config: Callable[[], Config], bus: Bus) -> None:
        self._engine = engine
        self._config = config
        self._bus = bus
        self._logind = Logind(bus)
        self._allowed_s = 0.0
        self._farewell: Farewell | None = None
        self._told, self._wait_s = "", RECONNECT_S

    async def run(self) -> None:
        """Hold an inhibitor, and end the pods when a shutdown begins; again after one that was called off."""
        if not systemd_runs():
            return
        while True:
            try:
                await self._bus.open()
                await self._guard()
            except BusError as error:
                if str(error) != self._told:
                    log.warning("a shutdown of the host does not wait for pods to end: %s", error)
                self._told = str(error)
            wait_s, self._wait_s = self._wait_s, min(2 * self._wait_s, RECONNECT_MAX_S)
            await asyncio.sleep(wait_s)

    async def check(self) -> None:
        """Warn where logind does not wait as long as the settings want."""
        if systemd_runs():
            with suppress(BusError):
                await self._ask_allowed_s()

    async def _guard(self) -> None:
        with self._logind.preparations() as signals:
            while True:
                inhibitor = await self._inhibit()
                try:
                    await self._ask_allowed_s()
                    self._guarded()
                    if not await self._logind.is_preparing():
                        self._stay()
                        while await signals.get() != (True,):
                            pass
                    await self._shut_down(signals, inhibitor)
                finally:
                    if inhibitor is not None:
                        inhibitor.release()

    def _guarded(self) -> None:
        """The next loss is one of its own."""
        if self._told:
            log.info("a shutdown of the host waits for pods to end again")
        self._told, self._wait_s = "", RECONNECT_S

    async def _inhibit(self) -> Inhibitor | None:
        """None where a shutdown has begun already."""
        try:
            return await self._logind.inhibit("pods are ended in order")
        except BusRefusalError:
            if await self._logind.is_preparing():
                return None
            raise

    async def _shut_down(self, signals: Signals, inhibitor: Inhibitor | None) -> None:
        """Returns when the shutdown was called off. Where the bus goes first, pods end all the same."""
        async with asyncio.TaskGroup() as tasks:
            ending = tasks.create_task(self._end_pods(inhibitor), name="end pods with the host")
            lost = await _called_off(signals)
            if lost is None:
                ending.cancel()
        if lost is not None:
            raise lost
        log.warning("the shutdown of the host was called off: pods start again", extra={"event": "ShutdownCalledOff"})
        self._stay()

    def _stay(self) -> None:
        if self._farewell is not None:
            self._engine.stay(self._farewell)
            self._farewell = None

    async def _end_pods(self, inhibitor: Inhibitor | None) -> None:
        with suppress(
            BusError, TimeoutError
        ):  # logind may have been told otherwise; what it said before is not far off
            async with asyncio.timeout(ASK_DEADLINE_S):
                self._allowed_s = await self._logind.delay_max_s()
        farewell = _farewell(self._config(), self._allowed_s)
        if farewell.total_s > 0:
            log.info("the host shuts down: pods end within %g s", farewell.total_s, extra={"event": "Shutdown"})
            self._farewell = farewell
            await self._engine.leave(farewell)
        if inhibitor is not None:
            inhibitor.release()

    async def _ask_allowed_s(self) -> None:
        """Asked before a shutdown begins, so that a person hears in time that it is too short."""
        wanted_s, self._allowed_s = self._config().shutdown_grace_period_s, await self._logind.delay_max_s()
        if self._allowed_s < wanted_s:
            log.warning(
                "logind holds up a shutdown for %g s only, and shutdownGracePeriod is %g s: "
                "write [Login] and InhibitDelayMaxSec=%g into %s and restart systemd-logind",
                self._allowed_s, wanted_s, wanted_s, _DROP_IN,
            )  # fmt: skip


def _farewell(config: Config, allowed_s: float) -> Farewell:
    wanted_s = config.shutdown_grace_period_s
    total_s = min(wanted_s, allowed_s)
    # Where logind allows less, critical pods give their share: all others would have nothing else.
    share = total_s / wanted_s if wanted_s else 0.0
    return Farewell(
        reason="the host shuts down",
        total_s=total_s,
        critical_s=config.shutdown_grace_period_critical_pods_s * share,
        slack_s=SLACK_S,
        verdict=TERMINATED,
    )


async def _called_off(signals: Signals) -> BusError | None:
    """Waits for that word; what came in its place if there will be none."""
    try:
        while await signals.get() != (False,):
            pass
    except BusError as error:
        return error
    return None
