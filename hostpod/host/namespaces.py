"""Namespaces without a process: made in a thread that ends, kept alive by open descriptors, joined by their path.

The daemon itself never leaves its own namespaces. unshare(2) and setns(2) of these kinds act on one thread only, and
the threads used here are made for one call and end with it, so no other work can ever run in a pod's namespace.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Literal, TypeVar

Kind = Literal["user", "net", "ipc", "uts"]
Result = TypeVar("Result")

ALL_KINDS: tuple[Kind, ...] = ("net", "ipc", "uts")
HOSTNAME_LIMIT_BYTES = 64

_CLONE_FLAGS = {"net": 0x40000000, "ipc": 0x08000000, "uts": 0x04000000}

_libc = ctypes.CDLL(None, use_errno=True)


class NamespaceError(OSError):
    """A namespace could not be made or entered; the message can be shown as it is."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(number, f"{what}: {os.strerror(number).lower()}")

    def __str__(self) -> str:
        return str(self.strerror)


class Namespaces:
    """Namespaces of several kinds that live at least as long as this is open, whatever process is in them."""

    def __init__(self, held: Mapping[Kind, FileIO]) -> None:
        self._held = dict(held)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return tuple(self._held)

    def path(self, kind: Kind) -> Path:
        """Where other processes of the host can open it, such as runc, as long as this process lives.

        runc 1.1.15, that of Debian 13, takes every path that begins with /proc/NUMBER for /proc/NUMBER/ns/user, and
        looks at the ids of that process; with two slashes it looks at those of the namespace.
        """
        return Path(f"//proc/{os.getpid()}/fd/{self._held[kind].fileno()}")

    def close(self) -> None:
        """Let go: what nothing lives in is gone. May be called twice."""
        for descriptor in self._held.values():
            descriptor.close()


def make(kinds: Sequence[Kind] = ALL_KINDS, *, hostname: str | None = None) -> Namespaces:
    """Make new namespaces. Takes about a millisecond; when anything is refused nothing is left behind."""
    return _in_a_thread_of_its_own(lambda: _make(kinds, hostname))


def _make(kinds: Sequence[Kind], hostname: str | None) -> Namespaces:
    flags = sum(_CLONE_FLAGS[kind] for kind in kinds)
    _check(_libc.unshare(flags), f"cannot make namespaces ({', '.join(kinds)})")
    if hostname is not None:
        _set_hostname(hostname)
    return _hold("thread-self", kinds)


def _set_hostname(hostname: str) -> None:
    name = hostname.encode()[:HOSTNAME_LIMIT_BYTES]
    _check(_libc.sethostname(name, len(name)), f"cannot set host name {hostname}")


def of_process(pid: int, kinds: Sequence[Kind] = ALL_KINDS) -> Namespaces | None:
    """The namespaces that a process lives in; None when it has ended."""
    try:
        return _hold(str(pid), kinds)
    except (FileNotFoundError, ProcessLookupError):
        return None


def _hold(process: str, kinds: Sequence[Kind]) -> Namespaces:
    return Namespaces({kind: FileIO(f"/proc/{process}/ns/{kind}") for kind in kinds})


def name_host(uts: Path, hostname: str) -> None:
    """Set the host name of a UTS namespace."""
    _in_a_thread_of_its_own(lambda: _joined(uts, "uts", lambda: _set_hostname(hostname)))


def inside(netns: Path, function: Callable[[], Result]) -> Result:
    """Run `function` in a thread that has joined a network namespace, and return its result."""
    return _in_a_thread_of_its_own(lambda: _joined(netns, "net", function))


def _joined(path: Path, kind: Kind, function: Callable[[], Result]) -> Result:
    what = {"net": "network"}.get(kind, kind)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NamespaceError(error.errno or 0, f"cannot open {what} namespace {path}") from error
    try:
        _check(_libc.setns(descriptor, _CLONE_FLAGS[kind]), f"cannot enter {what} namespace {path}")
    finally:
        os.close(descriptor)
    return function()


def _in_a_thread_of_its_own(function: Callable[[], Result]) -> Result:
    results: list[Result] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that asked
            errors.append(error)

    thread = threading.Thread(target=body, name="namespace", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _check(result: int, what: str) -> None:
    if result != 0:
        raise NamespaceError(ctypes.get_errno(), what)
