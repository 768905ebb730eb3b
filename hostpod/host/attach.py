"""What conmon offers of a container: a socket of its output and stdin, and a FIFO for the size of its terminal.

The socket keeps messages apart. What comes begins with a byte for the stream, what goes is stdin as it is. When a
client has no more to send or goes, conmon closes the container's stdin, unless it was told to leave it open.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Literal, Self

OutputStream = Literal["stdout", "stderr"]

_STREAMS: dict[int, OutputStream] = {2: "stdout", 3: "stderr"}
_RECEIVED_BYTES = 64 * 1024  # conmon sends 8 KiB and the byte
_SENT_BYTES = 8 * 1024  # conmon cuts off what is longer than its 32 KiB
_PENDING_BYTES = 1024 * 1024  # so much a client may be behind
_RESIZE = 1


class AttachError(Exception):
    """A container cannot be attached to."""


class Attached:
    """A connection to the conmon of one container, by its bundle. AttachError where there is none."""

    def __init__(self, bundle: Path) -> None:
        self.too_slow = False
        self._pending: deque[bytes] = deque()
        self._pending_bytes = 0
        self._ended = False
        self._news = asyncio.Event()
        self._watched: asyncio.AbstractEventLoop | None = None
        self._bundle = os.open(bundle, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            # By the descriptor: the name of a UNIX socket has 108 bytes, and a bundle's may be longer.
            self._socket.connect(f"/proc/self/fd/{self._bundle}/attach")
        except OSError as error:
            self.close()
            raise AttachError(
                f"its monitor (conmon) does not answer: {(error.strerror or str(error)).lower()}"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Go. Other connections are not touched."""
        self._unwatch()
        self._socket.close()
        os.close(self._bundle)

    async def send(self, data: bytes) -> None:
        """Wait until conmon took the data for stdin; nothing when the container has ended."""
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            for start in range(0, len(data), _SENT_BYTES):
                await loop.sock_sendall(self._socket, data[start : start + _SENT_BYTES])

    def send_end(self) -> None:
        """Nothing more comes for stdin. May be called twice."""
        with suppress(OSError):  # the container has ended
            self._socket.shutdown(socket.SHUT_WR)

    async def received(self) -> AsyncGenerator[tuple[OutputStream, bytes], None]:
        """What the container writes from now on, until it has ended or this side was `too_slow`."""
        self._watched = asyncio.get_running_loop()
        self._watched.add_reader(self._socket, self._take)
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._pending:
                    message = self._pending.popleft()
                    self._pending_bytes -= len(message)
                    if message[0] in _STREAMS:
                        yield _STREAMS[message[0]], message[1:]
                if self._ended:
                    return
        finally:
            self._unwatch()

    def _unwatch(self) -> None:
        """A descriptor that is closed may be another's a moment later: the loop must not look at it any more."""
        if self._watched is not None and self._socket.fileno() >= 0:
            self._watched.remove_reader(self._socket)
        self._watched = None

    def _take(self) -> None:
        """As soon as it comes: while conmon cannot send, it reads nothing and the container waits."""
        try:
            message = self._socket.recv(_RECEIVED_BYTES)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        self._news.set()
        self.too_slow = self._pending_bytes + len(message) > _PENDING_BYTES
        self._ended = not message or self.too_slow
        if self._ended:
            self._unwatch()
            with suppress(OSError):  # the container has ended
                self._socket.shutdown(socket.SHUT_RDWR)
        else:
            self._pending.append(message)
            self._pending_bytes += len(message)

    def resize(self, *, columns: int, rows: int) -> None:
        """Set the size of the container's terminal."""
        with suppress(OSError):  # nobody reads it any more: the container has ended
            fifo = os.open("ctl", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._bundle)
            try:
                os.write(fifo, f"{_RESIZE} {rows} {columns}\n".encode())
            finally:
                os.close(fifo)
