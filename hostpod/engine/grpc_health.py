"""grpc.health.v1.Health/Check over HTTP/2 without TLS, as grpc probes ask it. Loaded when the first of them runs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import unquote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError

from hostpod.engine.http_request import KUBERNETES_VERSION, authority
from hostpod.host.tcp import Stream, connect

ANSWER_LIMIT_BYTES = 4 * 1024  # a whole one has 7 bytes

_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_CODES = (
    *("OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists"),
    *("PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented"),
    *("Internal", "Unavailable", "DataLoss", "Unauthenticated"),
)
_UNIMPLEMENTED = _CODES.index("Unimplemented")


class GrpcHealthError(Exception):
    """The service is not healthy, or did not say so. The message has the kubelet's words."""


async def grpc_check(host: str, port: int, service: str, *, timeout_s: float) -> None:
    """Ask a server whether a service is healthy; returns when it is. Raises GrpcHealthError."""
    where = authority(host, port)
    call = _Call(where, service, timeout_s)
    try:
        async with asyncio.timeout(timeout_s):
            await call.run(host, port)
    except TimeoutError as error:
        if call.greeted:
            raise GrpcHealthError(f"timeout: health rpc did not complete within {timeout_s:g}s") from error
        late = f'timeout: failed to connect service "{where}" within {timeout_s:g}s: context deadline exceeded'
        raise GrpcHealthError(late) from error
    except (OSError, EOFError, ProtocolError) as error:
        raise GrpcHealthError(_no_call(call, error)) from error
    call.judge()


def _no_call(call: _Call, error: Exception) -> str:
    match error:
        case socket.gaierror():
            why = f"dial tcp: lookup: {str(error.strerror).lower()}"
        case OSError() if error.strerror and not call.connected:
            why = f"dial tcp {call.where}: connect: {error.strerror.lower()}"
        case OSError() if error.strerror:
            why = error.strerror.lower()
        case _:
            why = str(error)
    if call.greeted:
        return f"error: health rpc probe failed: rpc error: code = Unavailable desc = {why}"
    return f'error: failed to connect service at "{call.where}": {why}'


class _Call:
    """One Check: what was sent, and what came of the answer."""

    def __init__(self, where: str, service: str, timeout_s: float) -> None:
        self.where = where
        self.connected = False
        self.greeted = False
        self._service = service
        self._timeout_s = timeout_s
        self._http_status = "200"
        self._said: Mapping[str, str] = {}
        self._answer = b""
        self._ended = False

    async def run(self, host: str, port: int) -> None:
        """Ask, and take in what comes until the answer is complete."""
        stream = await connect(host, port)
        self.connected = True
        try:
            await self._converse(stream)
        finally:
            stream.close()

    async def _converse(self, stream: Stream) -> None:
        http2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        http2.initiate_connection()
        number = http2.get_next_available_stream_id()
        http2.send_headers(number, self._headers())
        http2.send_data(number, _framed(_request(self._service)), end_stream=True)
        while not self._ended:
            await stream.send(http2.data_to_send())
            data = await stream.receive()
            if not data:
                raise EOFError("EOF")
            for event in http2.receive_data(data):
                self._take(event)
        http2.close_connection()
        await stream.send(http2.data_to_send())

    def _headers(self) -> list[tuple[str, str]]:
        return [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/grpc.health.v1.Health/Check"),
            (":authority", self.where),
            ("content-type", "application/grpc"),
            ("user-agent", f"kube-probe/{KUBERNETES_VERSION}"),
            ("te", "trailers"),
            ("grpc-timeout", f"{int(self._timeout_s * 1000)}m"),
        ]

    def _take(self, event: Event) -> None:
        match event:
            case RemoteSettingsChanged():
                self.greeted = True
            case ResponseReceived() | TrailersReceived():
                said = {str(name): str(value) for name, value in event.headers or ()}
                self._http_status = said.get(":status", self._http_status)
                self._said = {**self._said, **said}
            case DataReceived():
                self._answer += event.data or b""
                if len(self._answer) > ANSWER_LIMIT_BYTES:
                    raise EOFError("the answer is too large")
            case StreamReset():
                raise EOFError(f"stream terminated by RST_STREAM with error code: {event.error_code}")
            case ConnectionTerminated() if not self._ended:
                raise EOFError(f"the server closed the connection with error code: {event.error_code}")
            case StreamEnded():
                self._ended = True

    def judge(self) -> None:
        """Raises GrpcHealthError unless the answer is that the service is healthy."""
        if self._http_status != "200":
            _failed(f"code = Unknown desc = unexpected HTTP status code received from server: {self._http_status}")
        code = self._said.get("grpc-status", "")
        number = int(code) if code.isascii() and code.isdigit() else _CODES.index("Unknown")
        words = unquote(self._said.get("grpc-message", ""))
        if number == _UNIMPLEMENTED:
            what = "this server does not implement the grpc health protocol (grpc.health.v1.Health)"
            raise GrpcHealthError(f"error: {what}: {words}")
        if number:
            name = _CODES[number] if number < len(_CODES) else f"Code({number})"
            _failed(f"code = {name} desc = {words}")
        try:
            status = _status(self._answer)
        except (IndexError, ValueError):
            _failed("code = Internal desc = the answer is no HealthCheckResponse")
        if status != _STATUSES.index("SERVING"):
            name = _STATUSES[status] if status < len(_STATUSES) else str(status)
            raise GrpcHealthError(f'service unhealthy (responded with "{name}")')


def _failed(words: str) -> NoReturn:
    raise GrpcHealthError(f"error: health rpc probe failed: rpc error: {words}")


# The two messages, as protocol buffers: a request has the service's name as field 1, an answer its status as field 1.


def _request(service: str) -> bytes:
    name = service.encode()
    return b"\x0a" + _varint(len(name)) + name if name else b""


def _framed(message: bytes) -> bytes:
    """gRPC's frame around a message: not compressed, its length."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def _status(answer: bytes) -> int:
    """Raises ValueError, IndexError where it is not one whole message."""
    length = int.from_bytes(answer[1:5], "big")
    if len(answer) < 5 or answer[0] or len(answer) - 5 < length:
        raise ValueError
    message, status, at = answer[5 : 5 + length], 0, 0
    while at < length:
        key, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        match key & 7:
            case 0:
                status = value if key >> 3 == 1 else status
            case 2:  # a field that we do not know
                at += value
            case _:
                raise ValueError
    return status


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
