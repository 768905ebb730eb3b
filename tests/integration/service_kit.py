"""systemd's side of a service, played by the test: the notification socket, and sockets that are handed over."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from lab.place import LabError, patient
from tests.integration.harness import Daemon

# The descriptors that are handed over begin at 3, and LISTEN_PID is the daemon's own: only itself can say it.
_HAND_OVER = """
import os, sys
given = [int(number) for number in sys.argv[1].split(",") if number]
for place, number in enumerate(given, 3):
    os.dup2(number, place)
os.environ["LISTEN_PID"] = os.environ["WATCHDOG_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, "-m", "hostpod", *sys.argv[2:]])
"""


class Service:
    """A daemon that was started as systemd would; each message of its to NOTIFY_SOCKET as lines."""

    def __init__(self, daemon: Daemon, ear: socket.socket) -> None:
        self.daemon = daemon
        self._ear = ear

    def hear(self, wanted: str, *, within_s: float = 20) -> list[str]:
        """All lines until one begins with `wanted`."""
        lines: list[str] = []
        deadline = time.monotonic() + patient(within_s)
        while time.monotonic() < deadline:
            self._ear.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                lines += self._ear.recv(4096).decode().splitlines()
            except TimeoutError:
                break
            if any(line.startswith(wanted) for line in lines):
                return lines
        raise LabError(f"systemd never heard {wanted}, only {lines}; {self.daemon.last_lines()}")

    def heard(self, *, for_s: float) -> list[str]:
        """All lines of the next seconds."""
        lines: list[str] = []
        deadline = time.monotonic() + for_s
        while (left := deadline - time.monotonic()) > 0:
            self._ear.settimeout(left)
            try:
                lines += self._ear.recv(4096).decode().splitlines()
            except TimeoutError:
                break
        return lines

    def signal(self, number: signal.Signals) -> None:
        assert self.daemon.process is not None
        self.daemon.process.send_signal(number)

    def wait(self, *, within_s: float = 30) -> int:
        """The exit code, when it has ended."""
        process, self.daemon.process = self.daemon.process, None
        assert process is not None
        return process.wait(patient(within_s))


@contextmanager
def service(
    daemon: Daemon, *, sockets: Sequence[socket.socket] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Service]:
    """Start the daemon with these sockets and variables; it runs on when the block is left."""
    name = daemon.runtime.with_name(f"{daemon.runtime.name}.notify")
    name.unlink(missing_ok=True)
    handed = {"LISTEN_FDS": str(len(sockets))} if sockets else {}
    # High numbers, so that putting them in place overwrites none of them.
    high = [fcntl.fcntl(each, fcntl.F_DUPFD, 100) for each in sockets]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear, daemon.journal.open("ab") as log:
        ear.bind(str(name))
        arguments = [",".join(map(str, high)), "serve", "--config", str(daemon.config)]
        daemon.process = subprocess.Popen(
            [sys.executable, "-c", _HAND_OVER, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **handed, **(environment or {}), "NOTIFY_SOCKET": str(name)},
            pass_fds=high,
            start_new_session=True,
        )
        for descriptor in high:
            os.close(descriptor)
        try:
            yield Service(daemon, ear)
        finally:
            name.unlink(missing_ok=True)
