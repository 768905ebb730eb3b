"""A web server on loopback that manifests are fetched from: it can break, be slow, go away and come back."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lab.place import patient
from lab.registry import free_port


@dataclass(kw_only=True)
class Website:
    """What is answered, and the headers of every question so far."""

    tls: ssl.SSLContext | None = None
    port: int = field(default_factory=free_port)
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    answers: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[str, Mapping[str, str], int]] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _server: ThreadingHTTPServer | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/pods"

    def say(self, *manifests: Mapping[str, Any]) -> None:
        """From now on answer with these manifests; with none the answer is empty."""
        self.body = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}).encode() if manifests else b""

    def until_asked(self, *, more: int) -> list[tuple[str, Mapping[str, str], int]]:
        """Wait for so many more answers; those that came: path, headers of the question, status."""
        with self._news:
            before = len(self.asked)
            assert self._news.wait_for(lambda: len(self.asked) >= before + more, timeout=patient(30))
            return self.asked[before:]

    def up(self) -> None:
        """Listen."""
        self.answers.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name="website")
        self._thread.start()

    def down(self) -> None:
        """Nobody listens any more."""
        self.answers.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        self._server = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.answer(self)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """One question."""
        self.answers.wait(patient(60))
        body = self.body
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        status = 304 if self.status == 200 and request.headers.get("If-None-Match") == etag else self.status
        try:
            request.send_response(status)
            for name, value in {"ETag": etag, **self.headers}.items():
                request.send_header(name, value)
            if status != 304:
                request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            if status != 304:
                request.wfile.write(body)
        except OSError:
            return  # who asked has lost patience
        with self._news:
            self.asked.append((request.path, dict(request.headers), status))
            self._news.notify_all()


@contextmanager
def website(tls: ssl.SSLContext | None = None) -> Iterator[Website]:
    """One that is up."""
    site = Website(tls=tls)
    site.up()
    try:
        yield site
    finally:
        site.down()
