from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostpod.host import notify


@pytest.fixture
def ear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """systemd's end of the notification socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield ear


def test_systemd_hears_each_word(ear: socket.socket) -> None:
    notify.ready()
    notify.status("3 pods")
    notify.alive()
    notify.extend_timeout(2.5)
    notify.stopping()
    assert [ear.recv(100) for _ in range(5)] == [
        b"READY=1", b"STATUS=3 pods", b"WATCHDOG=1", b"EXTEND_TIMEOUT_USEC=2500000", b"STOPPING=1"
    ]  # fmt: skip


def test_a_reload_tells_when_it_began(ear: socket.socket) -> None:
    notify.reloading()
    word, _, microseconds = ear.recv(100).decode().partition("\nMONOTONIC_USEC=")
    assert word == "RELOADING=1"
    with open("/proc/uptime") as uptime:  # noqa: PTH123 - a line of the kernel's
        assert abs(int(microseconds) / 1e6 - float(uptime.read().split()[0])) < 60


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "LISTEN_FDS", "WATCHDOG_USEC"):
        monkeypatch.delenv(name, raising=False)
    notify.ready()
    assert notify.activated_sockets() == ()
    assert notify.watchdog_s() is None


@pytest.mark.parametrize(
    ("microseconds", "pid", "seconds"),
    [("30000000", None, 30.0), ("500000", "own", 0.5), ("500000", "1", None), ("0", None, None), ("x", None, None)],
)
def test_the_watchdogs_patience(
    monkeypatch: pytest.MonkeyPatch, microseconds: str, pid: str | None, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "own" else pid)
    assert notify.watchdog_s() == seconds


def handed_over(descriptor: int) -> str:
    """What a process makes of a descriptor that systemd hands over as its first."""
    code = (
        f"import os; os.dup2({descriptor}, 3); os.environ['LISTEN_PID'] = str(os.getpid());"
        "from hostpod.host import notify; print([s.getsockname()[0] for s in notify.activated_sockets()])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LISTEN_FDS": "1"},
        pass_fds=(descriptor,),
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout.strip() or ended.stderr.strip().splitlines()[-1]


def test_a_socket_that_is_bound_already() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        assert handed_over(bound.fileno()) == "['127.0.0.1']"


def test_a_descriptor_that_cannot_be_served_is_refused() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
        assert "systemd handed over descriptor 3, which is no listening stream socket" in handed_over(deaf.fileno())
