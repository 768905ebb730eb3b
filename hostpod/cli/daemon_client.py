"""Asking the daemon: HTTP over its UNIX socket, with nothing but the standard library so that a command is quick."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlencode

from hostpod.cli.failure import Failure, Refusal

JsonObject = Mapping[str, Any]
Body = IO[bytes] | bytes | None

_BLOCK_BYTES = 256 * 1024


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", blocksize=_BLOCK_BYTES)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


class Daemon:
    """The verbs of the control socket. Raises Failure with what to do when nobody answers."""

    def __init__(self, socket_path: str) -> None:
        self.socket_path = socket_path
        self._kept: _UnixConnection | None = None

    def get(self, *path: str, **query: str) -> Any:
        """The JSON that a path answers. Calls after each other share one connection."""
        with _translated(self.socket_path):
            if self._kept is None:
                self._kept = _UnixConnection(self.socket_path)
            self._kept.request("GET", url(*path, **query))
            return json.loads(_accepted(self._kept.getresponse()).read())

    def close(self) -> None:
        """End the connection."""
        if self._kept is not None:
            self._kept.close()

    def lines(self, method: str, *path: str, **query: str | Sequence[str]) -> Iterator[Any]:
        """The JSON objects of a stream, as they come. Raises Failure for a refusal among them."""
        with self._answer(method, url(*path, **query)) as response:
            for line in response:
                value = json.loads(line)
                refusal = value["object"] if value.get("type") == "ERROR" else value
                if refusal.get("kind") == "Status":
                    raise _refusal(refusal)
                yield value

    def watch(self, *path: str) -> Iterator[Any]:
        """The events of a watch, which has no end of its own."""
        yield from self.lines("GET", *path, watch="1")
        raise Failure("hostpod ended the watch: it stops, or this command read too slowly")

    def chunks(self, *path: str, **query: str) -> Iterator[bytes]:
        """The bytes of an answer, as they come."""
        with self._answer("GET", url(*path, **query)) as response:
            while chunk := response.read1(_BLOCK_BYTES):
                yield chunk

    def upload(self, body: IO[bytes], *path: str) -> Any:
        """Send a file; the JSON that is answered."""
        with self._answer("POST", url(*path), body) as response:
            return json.loads(response.read())

    def post(self, value: object, *path: str, **query: str) -> Any:
        """Send JSON; the JSON that is answered."""
        with self._answer("POST", url(*path, **query), json.dumps(value).encode()) as response:
            return json.loads(response.read())

    @contextmanager
    def _answer(self, method: str, target: str, body: Body = None) -> Iterator[http.client.HTTPResponse]:
        with _translated(self.socket_path), closing(_UnixConnection(self.socket_path)) as connection:
            connection.connect()
            with suppress(BrokenPipeError, ConnectionResetError):  # an early refusal is in the answer
                headers = _headers(body)
                chunked = "Transfer-Encoding" in headers
                connection.request(method, target, body=body, encode_chunked=chunked, headers=headers)
            with connection.getresponse() as response:
                yield _accepted(response)


def url(*path: str, **query: str | Sequence[str]) -> str:
    """A request's target from its parts."""
    target = "/" + "/".join(quote(part, safe="") for part in path)
    return f"{target}?{urlencode(query, doseq=True)}" if query else target


def _headers(body: Body) -> dict[str, str]:
    if isinstance(body, bytes):
        return {"Content-Type": "application/json"}
    return {"Transfer-Encoding": "chunked", "Content-Type": "application/x-tar"} if body is not None else {}


def _accepted(response: http.client.HTTPResponse) -> http.client.HTTPResponse:
    if response.status < 400:
        return response
    body = response.read()
    try:
        refusal = _refusal(json.loads(body))
    except (ValueError, KeyError, TypeError):
        raise Failure(f"the daemon answered {response.status} {response.reason}") from None
    raise refusal


def _refusal(status: JsonObject) -> Refusal:
    return Refusal(str(status["message"]), reason=str(status.get("reason", "")))


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, ConnectionRefusedError):
        raise Failure(not_running(path)) from None
    except PermissionError:
        raise Failure(not_allowed(path)) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Failure(f"the connection to hostpod at {path} broke: {str(error) or type(error).__name__}") from error


def not_running(path: str) -> str:
    """What to do when nothing answers."""
    return (
        f"hostpod does not run: nothing answers at {path}; start it with `systemctl start hostpod` or "
        "`hostpod serve` as root, or name another socket with --socket or HOSTPOD_SOCKET"
    )


def not_allowed(path: str) -> str:
    """What to do when the socket may not be used."""
    return (
        f"no permission to use {path}: be root or in the group {(group := _group_of(path))} "
        f"(`usermod -aG {group} USER`, then log in again)"
    )


def _group_of(path: str) -> str:
    try:
        group = Path(path).group()
    except (OSError, KeyError):
        return "hostpod"
    return "hostpod" if group == "root" else group
