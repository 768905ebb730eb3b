"""A message bus and the services behind it: real bytes on a real socket, answers made up by the test."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, Message, Parser, new_error, new_method_return, new_signal

Answer = tuple[str, tuple[Any, ...]]


class RefusalError(Exception):
    """A service answers with an error of this name."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__(words)
        self.name = name


class FakeBus:
    """`methods` answers calls; a method that returns None never answers. `rules` are the signals that are asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.methods: dict[str, Callable[..., Answer | None]] = {"Hello": lambda: ("s", (":1.7",))}
        self.rules: list[str] = []
        self.connections = 0
        self.descriptors: list[int] = []
        self._serials = itertools.count(1)
        self._peer: socket.socket | None = None
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def hang_up(self) -> None:
        assert self._peer is not None
        self._peer.shutdown(socket.SHUT_RDWR)

    def signal(self, address: DBusAddress, name: str, signature: str, body: tuple[Any, ...]) -> None:
        self._send(new_signal(address, name, signature, body))

    def close(self) -> None:
        self._server.close()
        if self._peer is not None:
            with contextlib.suppress(OSError):
                self.hang_up()

    def _accept(self) -> None:
        while True:
            try:
                self._peer, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            with contextlib.suppress(OSError):
                self._serve(self._peer)
            self._peer.close()

    def _serve(self, peer: socket.socket) -> None:
        for expected, answer in ((b"AUTH", b"OK 1234\r\n"), (b"NEGOTIATE", b"AGREE_UNIX_FD\r\n"), (b"BEGIN", b"")):
            line = _line(peer)
            assert expected in line
            peer.sendall(answer)
        parser = Parser()
        while data := peer.recv(4096):
            for message in parser.feed(data):
                self._answer(message)

    def _answer(self, call: Message) -> None:
        fields = {key.name: value for key, value in call.header.fields.items()}
        if fields["member"] == "AddMatch":
            self.rules.append(call.body[0])
        elif fields["member"] == "RemoveMatch":
            self.rules.remove(call.body[0])
        else:
            try:
                answer = self.methods[fields["member"]](*call.body)
            except RefusalError as refusal:
                self._send(new_error(call, refusal.name, "s", (str(refusal),)))
            else:
                if answer is not None:
                    self._send(new_method_return(call, *answer))

    def _send(self, message: Message) -> None:
        import array  # noqa: PLC0415 - only what passes descriptors needs it

        assert self._peer is not None
        descriptors = array.array("i")
        data = message.serialise(next(self._serials), fds=descriptors)
        socket.send_fds(self._peer, [data], list(descriptors))


def _line(peer: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\r\n"):
        part = peer.recv(1)
        if not part:
            raise ConnectionResetError
        received += part
    return received


@contextlib.contextmanager
def fake_bus(path: Path) -> Iterator[FakeBus]:
    """A bus that listens at a path until the block is left."""
    bus = FakeBus(path)
    try:
        yield bus
    finally:
        bus.close()
