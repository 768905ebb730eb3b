"""A registry that says something else than it has, or nothing for a while: between skopeo and a real one."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lab.place import patient
from lab.registry import Registry

# Given the path, how often it was asked for (from 1), and what the registry says: what is said instead, and the status.
Twist = Callable[[str, int, bytes], tuple[bytes, int]]
ENDLESS = b"nothing but zeros, until nobody reads them any more"


@contextmanager
def liar(registry: Registry, twist: Twist) -> Iterator[str]:
    """Between skopeo and the registry; its address."""
    asked: dict[str, int] = {}
    counting = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with counting:
                number = asked[self.path] = asked.get(self.path, 0) + 1
            headers = {"Accept": ", ".join(self.headers.get_all("Accept") or ["*/*"])}
            request = urllib.request.Request(f"http://{registry.address}{self.path}", headers=headers)
            with urllib.request.urlopen(request, timeout=patient(10)) as reply:
                content_type, body = reply.headers.get("Content-Type", ""), reply.read()
            body, status = twist(self.path, number, body)
            if body == ENDLESS:
                self._go_on_and_on()
                return
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After", "1")  # skopeo itself waits and asks again, for half a minute without this
            self.end_headers()
            self.wfile.write(body)

        def _go_on_and_on(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(ConnectionError):
                while True:
                    self.wfile.write(bytes(100_000))
                    time.sleep(0.001)

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
