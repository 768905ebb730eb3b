"""The system bus: calls to services and signals of theirs, on one connection that is made when it is first needed.

Values are D-Bus's in Python's types; a variant is a pair of its signature and its value. A bus that hangs up is called
anew with the next call. Everything belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jeepney import Message

    from hostpod.host.dbus_wire import Connection

SYSTEM_BUS = Path("/run/dbus/system_bus_socket")
# libdbus' own default. Services answer in a millisecond; one that takes this long hangs.
DEADLINE_S = 25.0

Body = tuple[Any, ...]


class BusError(Exception):
    """The bus or a service could not be reached, or a service refused; the message can be shown as it is."""


class BusRefusalError(BusError):
    """A service answered with an error. `name` is that of the error: org.freedesktop.systemd1.NoSuchUnit, say."""

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, kw_only=True, slots=True)
class Remote:
    """An object of a service, seen through one of its interfaces."""

    service: str
    path: str
    interface: str


_BUS = Remote(service="org.freedesktop.DBus", path="/org/freedesktop/DBus", interface="org.freedesktop.DBus")
_PROPERTIES = "org.freedesktop.DBus.Properties"


class Signals:
    """What one signal told since somebody began to listen, in order."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[Body | BusError] = asyncio.Queue()

    async def get(self) -> Body:
        """The arguments of the next one. Raises BusError once the connection is lost, others may be with it."""
        told = await self._told.get()
        if isinstance(told, BusError):
            self._told.put_nowait(told)
            raise told
        return told

    def put(self, told: Body | BusError) -> None:
        """For the bus."""
        self._told.put_nowait(told)


class Bus:
    """The system bus, or the one whose socket `path` names."""

    def __init__(self, path: Path = SYSTEM_BUS) -> None:
        self.path = path
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._answers: dict[int, asyncio.Future[Message]] = {}
        self._listeners: dict[tuple[Remote, str], list[Signals]] = {}

    async def call(
        self, remote: Remote, method: str, signature: str = "", *arguments: Any, timeout_s: float = DEADLINE_S
    ) -> Body:
        """Call a method and return what it answers.

        A descriptor in the answer is the caller's (`to_raw_fd()`). Raises BusRefusalError when the service answers with
        an error, and BusError when there is no answer.
        """
        connection = await self._connected()
        return await self._called(connection, remote, method, signature, arguments, timeout_s)

    async def property(self, remote: Remote, name: str) -> Any:
        """The value of a property. Raises as `call` does."""
        properties = Remote(service=remote.service, path=remote.path, interface=_PROPERTIES)
        ((_, value),) = await self.call(properties, "Get", "ss", remote.interface, name)
        return value

    async def open(self) -> None:
        """Connect, which a call does by itself; `listen` wants it. Raises BusError."""
        await self._connected()

    @contextmanager
    def listen(self, remote: Remote, signal: str) -> Iterator[Signals]:
        """Hear a signal from now on, before what is called next is carried out. Raises BusError when not connected."""
        if self._connection is None:
            raise BusError(f"cannot listen to {remote.service}: there is no connection to {self.path}")
        key, signals = (remote, signal), Signals()
        listeners = self._listeners.setdefault(key, [])
        if not listeners:
            self._tell_bus("AddMatch", key)
        listeners.append(signals)
        try:
            yield signals
        finally:
            listeners.remove(signals)
            # After a loss others may listen to the same on the next connection.
            if not listeners and self._listeners.get(key) is listeners:
                del self._listeners[key]
                self._tell_bus("RemoveMatch", key)

    def close(self) -> None:
        """Hang up; a later call connects anew."""
        if self._connection is not None:
            self._connection.close()
            self._lost("it was closed here")

    async def _connected(self) -> Connection:
        if self._connection is not None:
            return self._connection
        async with self._connecting:
            if self._connection is None:
                self._connection = await self._connect()
            return self._connection

    async def _connect(self) -> Connection:
        from hostpod.host.dbus_wire import Connection  # noqa: PLC0415 - see there

        try:
            async with asyncio.timeout(DEADLINE_S):
                connection = await Connection.open(str(self.path), heard=self._hear, lost=self._lost)
        except (OSError, ValueError) as error:  # a time-out is an OSError
            raise BusError(f"cannot reach the system bus at {self.path}: {_reason(error)}; is dbus running?") from error
        try:
            await self._called(connection, _BUS, "Hello", "", (), DEADLINE_S)
        except BaseException:
            connection.close()
            raise
        return connection

    async def _called(  # noqa: PLR0917
        self, connection: Connection, remote: Remote, method: str, signature: str, arguments: Body, timeout_s: float
    ) -> Body:
        what = f"cannot call {method} of {remote.service}"
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        serial = connection.send(_message(remote, method, signature, arguments))
        self._answers[serial] = answer
        try:
            async with asyncio.timeout(timeout_s):
                message = await answer
        except TimeoutError as error:
            raise BusError(f"{what}: no answer within {timeout_s:g} s") from error
        except ConnectionError as error:
            raise BusError(f"{what}: the connection to {self.path} was lost: {error}") from error
        finally:
            self._answers.pop(serial, None)
        return _body(what, message)

    def _tell_bus(self, method: str, key: tuple[Remote, str]) -> None:
        """Without an answer: the bus carries out what one connection asks in its order."""
        if self._connection is not None:
            remote, signal = key
            rule = f"type='signal',sender='{remote.service}',path='{remote.path}'"
            rule += f",interface='{remote.interface}',member='{signal}'"
            self._connection.send(_message(_BUS, method, "s", (rule,)), reply=False)

    def _hear(self, message: Message) -> None:
        from hostpod.host.dbus_wire import heard_from, reply_to  # noqa: PLC0415 - loaded long since

        answer = self._answers.get(reply_to(message) or 0)
        if answer is not None and not answer.done():
            answer.set_result(message)
        elif source := heard_from(message):
            for (remote, signal), listeners in self._listeners.items():
                if source == (remote.path, remote.interface, signal):
                    for signals in listeners:
                        signals.put(message.body)

    def _lost(self, why: str) -> None:
        self._connection = None
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionError(why))
        listeners, self._listeners = self._listeners, {}
        for signals in (each for group in listeners.values() for each in group):
            signals.put(BusError(f"the connection to {self.path} was lost: {why}"))


def _message(remote: Remote, method: str, signature: str, arguments: Body) -> Message:
    from jeepney import DBusAddress, new_method_call  # noqa: PLC0415 - see dbus_wire

    address = DBusAddress(remote.path, bus_name=remote.service, interface=remote.interface)
    return new_method_call(address, method, signature or None, arguments)


def _body(what: str, message: Message) -> Body:
    from hostpod.host.dbus_wire import refusal_of  # noqa: PLC0415 - loaded long since

    if refusal := refusal_of(message):
        name, words = refusal
        raise BusRefusalError(f"{what}: {words}", name=name)
    body: Body = message.body
    return body


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {DEADLINE_S:g} s"
    return os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else str(error)
