"""A way to a registry that is slow, or breaks off: what a bad network does to a pull."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Relay:
    """Passes connections on to `address`; answers break off for good after `limit` bytes, or come at `rate` a second.

    Both may be changed while it runs.
    """

    def __init__(self, address: str, *, limit: int | None = None, rate: int | None = None) -> None:
        host, port = address.split(":")
        self._to = (host, int(port))
        self.limit, self.rate = limit, rate
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._to)
                threading.Thread(target=self._copy, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._copy, args=(server, client, True), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:  # noqa: FBT001
        with contextlib.suppress(OSError):
            while data := source.recv(16_384):
                if counted and not self._passes(data):
                    break
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _passes(self, data: bytes) -> bool:
        if self.rate:
            time.sleep(len(data) / self.rate)
        if self.limit is not None:
            self.limit -= len(data)
        return self.limit is None or self.limit >= 0


@contextmanager
def relay(address: str, *, limit: int | None = None, rate: int | None = None) -> Iterator[Relay]:
    made = Relay(address, limit=limit, rate=rate)
    try:
        yield made
    finally:
        made.close()
