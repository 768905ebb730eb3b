"""systemd's units over the bus: made, started and stopped, each waited for until its job has ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hostpod.host.dbus import Body, Bus, BusError, BusRefusalError, Remote, Signals
from hostpod.host.slices import Properties

# Slices and scopes take milliseconds; what takes this long waits for something that hangs.
JOB_DEADLINE_S = 30.0

_MANAGER = Remote(
    service="org.freedesktop.systemd1", path="/org/freedesktop/systemd1", interface="org.freedesktop.systemd1.Manager"
)
_EXISTS = "org.freedesktop.systemd1.UnitExists"
_GONE = "org.freedesktop.systemd1.NoSuchUnit"
_LEAVING = "org.freedesktop.systemd1.TransactionIsDestructive"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """A unit that systemd holds; `is_stopping` while a job is about to stop it."""

    description: str
    is_stopping: bool


class UnitError(Exception):
    """systemd could not be asked, or refused; the message can be shown as it is."""


class UnitLeavingError(UnitError):
    """What a unit would be in is just being stopped: a start would call that off."""


class Units:
    """The units of this host's systemd."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def start_transient(self, name: str, properties: Properties) -> bool:
        """Make a unit and start it; false when there is one of this name, which is left as it is. Raises UnitError."""
        values = [(key, value) for key, value in properties.items()]
        try:
            await self._job(f"start {name}", "StartTransientUnit", "ssa(sv)a(sa(sv))", name, "fail", values, [])
        except BusRefusalError as refusal:
            if refusal.name == _EXISTS:
                return False
            raise _not_started(name, refusal) from refusal
        return True

    async def start(self, name: str) -> None:
        """Start a unit; nothing when it runs. Raises UnitError."""
        try:
            await self._job(f"start {name}", "StartUnit", "ss", name, "fail")
        except BusRefusalError as refusal:
            raise _not_started(name, refusal) from refusal

    async def stop(self, name: str) -> None:
        """Stop a unit and all that needs it; nothing when there is none. Raises UnitError.

        Where somebody else has asked for it already, that is what is waited for.
        """
        try:
            await self._job(f"stop {name}", "StopUnit", "ss", name, "replace")
        except BusRefusalError as refusal:
            if refusal.name == _GONE:
                return
            raise UnitError(f"cannot stop {name}: {refusal}") from refusal

    async def loaded(self, pattern: str) -> tuple[str, ...]:
        """The names of all units that systemd holds. Raises UnitError."""
        (units,) = await self._call(f"list {pattern}", "ListUnitsByPatterns", "asas", [], [pattern])
        return tuple(str(unit[0]) for unit in units)

    async def look(self, name: str) -> Unit | None:
        """What a unit is like now; None where systemd holds none. Raises UnitError."""
        (units,) = await self._call(f"look at {name}", "ListUnitsByPatterns", "asas", [], [name])
        return next((Unit(description=unit[1], is_stopping=unit[8] == "stop") for unit in units), None)

    async def set_properties(self, name: str, properties: Properties) -> None:
        """Change what a unit is held to, until it ends. Raises UnitError."""
        values = [(key, value) for key, value in properties.items()]
        await self._call(f"set properties of {name}", "SetUnitProperties", "sba(sv)", name, True, values)  # noqa: FBT003

    async def has_file(self, name: str) -> bool:
        """Whether somebody wrote a file for a unit that is loaded. Raises UnitError."""
        (path,) = await self._call(f"look at {name}", "LoadUnit", "s", name)
        unit = Remote(service=_MANAGER.service, path=path, interface="org.freedesktop.systemd1.Unit")
        try:
            transient = await self._bus.property(unit, "Transient")
            return not transient and bool(await self._bus.property(unit, "FragmentPath"))
        except BusError as error:
            raise UnitError(f"cannot look at {name}: {error}") from error

    async def _call(self, what: str, method: str, signature: str, *arguments: object) -> Body:
        try:
            return await self._bus.call(_MANAGER, method, signature, *arguments)
        except BusError as error:
            raise UnitError(f"cannot {what}: {error}") from error

    async def _job(self, what: str, method: str, signature: str, *arguments: object) -> None:
        """Call what makes a job and wait until the job has ended. Lets BusRefusalError through."""
        try:
            await self._bus.open()
            # JobRemoved is told to whoever has a job of its own, so systemd need not be subscribed to.
            with self._bus.listen(_MANAGER, "JobRemoved") as removed:
                (job,) = await self._bus.call(_MANAGER, method, signature, *arguments)
                async with asyncio.timeout(JOB_DEADLINE_S):
                    result = await _result(removed, job)
        except BusRefusalError:
            raise
        except TimeoutError as error:
            raise UnitError(f"cannot {what}: its job did not end within {JOB_DEADLINE_S:g} s") from error
        except BusError as error:
            raise UnitError(f"cannot {what}: {error}") from error
        if result != "done":
            raise UnitError(f"cannot {what}: systemd's job ended as {result}")


def _not_started(name: str, refusal: BusRefusalError) -> UnitError:
    kind = UnitLeavingError if refusal.name == _LEAVING else UnitError
    return kind(f"cannot start {name}: {refusal}")


async def _result(removed: Signals, job: str) -> str:
    while True:
        _, path, _, result = await removed.get()
        if path == job:
            return str(result)
