from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostpod.daemon import turned_away as module
from hostpod.daemon.turned_away import turned_away


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Somebody who waits on a socket that was handed over."""
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as client:
        listening.bind(str(tmp_path / "h.sock"))
        listening.listen()
        monkeypatch.setattr(module, "_FIRST", listening.fileno())
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", "1")
        client.connect(str(tmp_path / "h.sock"))
        client.setblocking(False)
        yield client


def test_who_waits_for_a_daemon_that_cannot_start_is_sent_away(client: socket.socket) -> None:
    with pytest.raises(SystemExit), turned_away():
        sys.exit(78)
    assert client.recv(1) == b""


def test_an_error_counts_as_well(client: socket.socket) -> None:
    with pytest.raises(ValueError, match=r"^broken$"), turned_away():
        raise ValueError("broken")
    assert client.recv(1) == b""


def test_who_waits_for_the_next_daemon_goes_on_waiting(client: socket.socket) -> None:
    with pytest.raises(SystemExit), turned_away():
        sys.exit(0)
    with pytest.raises(BlockingIOError):
        client.recv(1)


def test_descriptors_of_another_process_are_left_alone(client: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    with pytest.raises(SystemExit), turned_away():
        sys.exit(1)
    with pytest.raises(BlockingIOError):
        client.recv(1)


def test_what_is_no_socket_is_left_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "file").open("w") as file:
        monkeypatch.setattr(module, "_FIRST", file.fileno())
        monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", "1")
        with pytest.raises(SystemExit), turned_away():
            sys.exit(1)
