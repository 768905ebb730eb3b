"""A daemon that kills itself at one of its acts upon the host: what a crash at that point would leave.

An act is anything that changes something outside the process: a file, a mount, a namespace, a link, a process. SIGUSR1
starts the count; the daemon dies before the act of the given number, or before the first event of a kind that names a
given file. So a loop over the numbers is a loop over all states that a crash can leave, where a loop over delays meets
the long ones only.
"""

from __future__ import annotations

import importlib
import os
import runpy
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

_AUDITED = frozenset(
    f"os.{name}"
    for name in (
        "chmod",
        "kill",
        "killpg",
        "link",
        "mkdir",
        "remove",
        "rename",
        "rmdir",
        "symlink",
        "truncate",
        "utime",
    )
) | {"subprocess.Popen"}
EVENTS = "events"  # the thread that writes them
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
# The doors that make system calls of their own, which no audit hook sees.
_BY_SYSTEM_CALL = ("hostpod.host.mount", "hostpod.host.namespaces")


def options(at: int | tuple[str, str]) -> tuple[str, ...]:
    """Options of the interpreter that make of `-m hostpod serve` a daemon that falls; `at` is the number of an act, or
    an audit event and the end of a path."""
    return ("-c", f"from tests.integration.falling import main; main({at!r})")


class Counter:
    """Counts acts once `begin` was called."""

    def __init__(self, at: int | tuple[str, str]) -> None:
        self._at = at
        self._acts: int | None = None

    def begin(self, *_: object) -> None:
        self._acts = 0

    def act(self) -> None:
        if threading.current_thread().name == EVENTS:
            return  # when it writes is a matter of chance, and no pod depends on it
        if self._acts is not None:
            self._acts += 1
            if self._acts == self._at:
                self.fall()

    def fall(self) -> None:
        self._acts = None
        os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._acts is not None and isinstance(self._at, tuple):
            kind, path = self._at
            if event == kind and str(arguments[0]).endswith(path):
                self.fall()
        if event in _AUDITED or (event == "open" and arguments[2] & _WRITES):
            self.act()

    def sent(self, send: Callable[..., int]) -> Callable[..., int]:
        def call(sender: socket.socket, *arguments: Any) -> int:
            if sender.family == socket.AF_NETLINK or _to_systemd(sender):
                self.act()
            return send(sender, *arguments)

        return call

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.act()
            return function(*arguments)

        return call


def _to_systemd(sender: socket.socket) -> bool:
    return sender.family == socket.AF_UNIX and str(sender.getpeername()).endswith("/system_bus_socket")


class _Library:
    """A C library whose calls are counted."""

    def __init__(self, library: Any, counter: Counter) -> None:
        self._library, self._counter = library, counter

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return self._counter.counted(getattr(self._library, name))


def main(at: int | tuple[str, str]) -> None:
    counter = Counter(at)
    signal.signal(signal.SIGUSR1, counter.begin)
    for name in _BY_SYSTEM_CALL:
        module: Any = importlib.import_module(name)
        module._libc = _Library(module._libc, counter)
    signal.pidfd_send_signal = counter.counted(signal.pidfd_send_signal)
    socket.socket.send = counter.sent(socket.socket.send)  # type: ignore[method-assign]
    sys.addaudithook(counter.audit)
    _, _, module_name, *sys.argv[1:] = sys.argv  # -c, -m, hostpod
    runpy.run_module(module_name, run_name="__main__", alter_sys=True)
