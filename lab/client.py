"""Reading a daemon's UNIX socket, plainly: what a person would do with `curl --unix-socket`."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.place import patient


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, *, timeout_s: float) -> None:
        super().__init__("hostpod", timeout=patient(timeout_s))
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def request(path: Path, url: str, *, method: str = "GET", timeout_s: float = 10) -> tuple[int, bytes]:
    """Status code and body of one request."""
    connection = _UnixConnection(path, timeout_s=timeout_s)
    try:
        connection.request(method, url)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def get(path: Path, url: str) -> Any:
    """The JSON body of a GET; OSError when it is not answered with 200."""
    status, body = request(path, url)
    if status != http.client.OK:
        raise OSError(f"GET {url}: {status} {body[:300].decode(errors='replace')}")
    return json.loads(body)


@contextmanager
def lines(path: Path, url: str, *, timeout_s: float) -> Iterator[Iterator[str]]:
    """Read an answer line by line as it comes. TimeoutError when no line comes for `timeout_s`."""
    connection = _UnixConnection(path, timeout_s=timeout_s)
    try:
        connection.request("GET", url)
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise OSError(f"GET {url}: {response.status} {response.read(300).decode(errors='replace')}")
        yield (line.decode() for line in iter(response.readline, b""))
    finally:
        connection.close()


@contextmanager
def watch(path: Path, url: str, *, timeout_s: float) -> Iterator[Iterator[dict[str, Any]]]:
    """Follow a watch URL: one JSON object a line. TimeoutError when no line comes for `timeout_s`."""
    with lines(path, url, timeout_s=timeout_s) as each:
        yield (json.loads(line) for line in each if line.strip())
