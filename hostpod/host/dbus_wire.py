"""One connection to a message bus: jeepney encodes and decodes, a non-blocking socket carries, no task waits.

Imported by `hostpod.host.dbus` when the bus is needed for the first time, so that jeepney is not loaded on hosts
where nobody needs it.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from jeepney import HeaderFields, Message, MessageFlag, MessageType, Parser
from jeepney.auth import BEGIN, Authenticator
from jeepney.fds import FileDescriptor

if TYPE_CHECKING:
    from typing import Self

# The kernel passes at most 253 descriptors in one message; a bus allows 16 by default.
_DESCRIPTORS = 16
_SIGNAL = (HeaderFields.path, HeaderFields.interface, HeaderFields.member)
_AUTH_BYTES = 1024


class Connection:
    """Sends at once, and hands each message that comes in to `heard`. `lost` is called once, when the bus hangs up."""

    def __init__(self, sock: socket.socket, *, heard: Callable[[Message], None], lost: Callable[[str], None]) -> None:
        self._socket = sock
        self._heard = heard
        self._lost = lost
        self._parser = Parser()
        self._serials = itertools.count(1)
        self._unsent = bytearray()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._read)

    @classmethod
    async def open(cls, path: str, *, heard: Callable[[Message], None], lost: Callable[[str], None]) -> Self:
        """Connect and say who we are. Raises OSError, and ValueError when the bus does not take this user."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        sock.settimeout(0)
        try:
            await asyncio.get_running_loop().sock_connect(sock, path)
            await _authenticate(sock)
            return cls(sock, heard=heard, lost=lost)
        except BaseException:
            sock.close()
            raise

    def send(self, message: Message, *, reply: bool = True) -> int:
        """Send a message, or keep what the socket does not take for later. Returns its serial number."""
        serial = next(self._serials)
        if not reply:
            message.header.flags |= MessageFlag.no_reply_expected
        self._unsent += message.serialise(serial)
        self._write()
        return serial

    def close(self) -> None:
        """Hang up. May be called twice; `lost` is not called."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def _write(self) -> None:
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            # Not before the caller knows the number of its message.
            self._loop.call_soon(self._hang_up, error.strerror or str(error))
            return
        del self._unsent[:sent]
        if self._unsent:
            self._loop.add_writer(self._socket, self._write)
        else:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        try:
            # No further than the end of this message: the descriptors of the next one would be mistaken for its own.
            data, descriptors, _, _ = socket.recv_fds(self._socket, self._parser.bytes_desired(), _DESCRIPTORS)
        except BlockingIOError:
            return
        except OSError as error:
            self._hang_up(error.strerror or str(error))
            return
        if not data:
            self._hang_up("it hung up")
            return
        try:
            self._parser.add_data(data, fds=[FileDescriptor(number) for number in descriptors])
            for message in self._messages():
                self._heard(message)
        except ValueError as error:
            self._hang_up(f"it talks nonsense: {error}")

    def _messages(self) -> Iterator[Message]:
        while (message := self._parser.get_next_message()) is not None:
            yield message

    def _hang_up(self, why: str) -> None:
        if self._socket.fileno() >= 0:
            self.close()
            self._lost(why)


async def _authenticate(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    authenticator = Authenticator(enable_fds=True)
    for line in authenticator:
        await loop.sock_sendall(sock, line)
        authenticator.feed(await _line(sock))
    await loop.sock_sendall(sock, BEGIN)


async def _line(sock: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\r\n"):
        part = await asyncio.get_running_loop().sock_recv(sock, _AUTH_BYTES)
        if not part:
            raise ConnectionResetError("it hung up on the greeting")
        received += part
    return received


def reply_to(message: Message) -> int | None:
    """The serial number of the call that this message answers."""
    answered = message.header.message_type in (MessageType.method_return, MessageType.error)
    return message.header.fields.get(HeaderFields.reply_serial) if answered else None


def refusal_of(message: Message) -> tuple[str, str] | None:
    """The name and the words of an error message; None for any other."""
    if message.header.message_type is not MessageType.error:
        return None
    name = str(message.header.fields.get(HeaderFields.error_name, ""))
    return name, str(message.body[0]) if message.body else name


def heard_from(message: Message) -> tuple[str, str, str] | None:
    """Path, interface and name of a signal; None for any other message."""
    if message.header.message_type is not MessageType.signal:
        return None
    fields = message.header.fields
    return tuple(str(fields.get(name, "")) for name in _SIGNAL)  # type: ignore[return-value]
