"""systemd-logind: holding up a shutdown of the host until pods have ended, and hearing of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hostpod.host.dbus import Bus, Remote, Signals

_MANAGER = Remote(
    service="org.freedesktop.login1", path="/org/freedesktop/login1", interface="org.freedesktop.login1.Manager"
)
_BOOTED = Path("/run/systemd/system")


def systemd_runs() -> bool:
    """Whether systemd is this host's init: sd_booted(3)."""
    return _BOOTED.is_dir()


class Inhibitor:
    """A shutdown waits until this is let go, at most InhibitDelayMaxSec."""

    def __init__(self, fd: int) -> None:
        os.set_inheritable(fd, False)  # noqa: FBT003 - a child that had it would hold up the shutdown in our place
        self._fd = fd

    def release(self) -> None:
        """The shutdown may go on. May be called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Logind:
    """Its manager object. Every call raises BusError when there is no logind, or it refuses."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    @contextmanager
    def preparations(self) -> Iterator[Signals]:
        """Each (True,): a shutdown begins; (False,): it was called off. The bus must be open."""
        with self._bus.listen(_MANAGER, "PrepareForShutdown") as signals:
            yield signals

    async def is_preparing(self) -> bool:
        """Whether a shutdown is being held up at this moment."""
        return bool(await self._bus.property(_MANAGER, "PreparingForShutdown"))

    async def delay_max_s(self) -> float:
        """How long an inhibitor holds up a shutdown at most (InhibitDelayMaxSec in logind.conf)."""
        return float(await self._bus.property(_MANAGER, "InhibitDelayMaxUSec")) / 1e6

    async def inhibit(self, why: str) -> Inhibitor:
        """From now on a shutdown waits for us. `why` is what `systemd-inhibit --list` shows."""
        (descriptor,) = await self._bus.call(_MANAGER, "Inhibit", "ssss", "shutdown", "hostpod", why, "delay")
        return Inhibitor(int(descriptor.to_raw_fd()))
