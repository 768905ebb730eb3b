"""A plain netlink socket: send some messages at once, and see every one acknowledged.

pyroute2 knows the messages (`messages.py`); its own sockets bring an event loop each, which takes longer to build than
a pod's whole network. Calls block for as long as the kernel works, which for removals is tens of milliseconds.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from hostpod.network.errors import NetlinkError

NLMSG_ERROR = 2
NLMSG_DONE = 3

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")
_HEADER_BYTES = _HEADER.size
_NLM_F_ACK_TLVS = 0x200
_NLMSGERR_ATTR_MSG = 1

_SOL_NETLINK = 270
_NETLINK_ADD_MEMBERSHIP = 1
_NETLINK_CAP_ACK = 10
_NETLINK_EXT_ACK = 11
_SIOCGIFINDEX = 0x8933
_BUFFER_BYTES = 1 << 16


class Netlink:
    """One netlink socket, of rtnetlink unless `protocol` says otherwise. It belongs to the network namespace of the
    thread that makes it, whoever uses it later."""

    def __init__(self, *, groups: Sequence[int] = (), protocol: int = socket.NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        # The kernel then says in words what it minds, and does not send the whole request back.
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)
        self._socket.bind((0, 0))  # a socket without a port of its own would be left out when the kernel tells a group
        for group in groups:
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, group)
            self._socket.settimeout(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def change(self, messages: bytes, *, what: Sequence[str]) -> None:
        """Send messages in one go. `what` has the words for each; the first that is refused is raised as NetlinkError.

        The messages carry the sequence numbers 1, 2, 3 … and ask for an acknowledgement.
        """
        self._socket.send(messages)
        answers = self._answers()
        errors = [self._refusal(*next(answers), what) for _ in what]
        for error in errors:
            if error is not None:
                raise error

    def ask(self, message: bytes, *, what: str) -> bytes:
        """The one answer to a question (which must not ask for an acknowledgement)."""
        self._socket.send(message)
        kind, answer = next(self._answers())
        error = self._refusal(kind, answer, (what,))
        if error is not None:
            raise error
        return answer

    def dump(self, message: bytes, *, what: str) -> list[bytes]:
        """All answers to a question about everything."""
        self._socket.send(message)
        found: list[bytes] = []
        for kind, answer in self._answers():
            error = self._refusal(kind, answer, (what,))
            if error is not None:
                raise error
            if kind == NLMSG_DONE:
                break
            found.append(answer)
        return found

    def link_index(self, name: str) -> int | None:
        """The index of a link in the socket's namespace. Any socket answers this ioctl, and it is the quickest way."""
        request = struct.pack("16si20x", name.encode(), 0)
        try:
            answer = fcntl.ioctl(self._socket, _SIOCGIFINDEX, request)
        except OSError:
            return None
        return int(struct.unpack("16si20x", answer)[1])

    def news(self) -> list[bytes] | None:
        """What a socket that joined a group was told; None when it was too much, and some of it is lost."""
        found, lost = [], False
        while True:
            try:
                found += [message for _, message in _messages(self._socket.recv(_BUFFER_BYTES))]
            except BlockingIOError:
                return None if lost else found
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                lost = True

    def _answers(self) -> Iterator[tuple[int, bytes]]:
        while True:
            yield from _messages(self._socket.recv(_BUFFER_BYTES))

    @staticmethod
    def _refusal(kind: int, answer: bytes, what: Sequence[str]) -> NetlinkError | None:
        if kind != NLMSG_ERROR:
            return None
        (number,) = struct.unpack_from("=i", answer, _HEADER_BYTES)
        sequence = _HEADER.unpack_from(answer)[3]
        return NetlinkError(what[sequence - 1], -number, _words(answer)) if number else None


def _messages(received: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and whole text of each message."""
    at = 0
    while at < len(received):
        length, kind, *_ = _HEADER.unpack_from(received, at)
        yield kind, received[at : at + length]
        at += (length + 3) & ~3


def _words(answer: bytes) -> str:
    """The kernel's explanation in an error message, often empty."""
    if not _HEADER.unpack_from(answer)[2] & _NLM_F_ACK_TLVS:
        return ""
    at = _HEADER_BYTES + 4 + _HEADER_BYTES  # errno, then the header of the message that was refused
    while at + _ATTRIBUTE.size <= len(answer):
        length, kind = _ATTRIBUTE.unpack_from(answer, at)
        if kind == _NLMSGERR_ATTR_MSG:
            return answer[at + _ATTRIBUTE.size : at + length].rstrip(b"\0").decode(errors="replace").rstrip(".")
        at += (length + 3) & ~3
    return ""
