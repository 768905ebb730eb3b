from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hostpod.host import notify


def test_systemd_hears_each_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify.ready()
        notify.status("3 pods")
        notify.stopping()
        assert [ear.recv(100) for _ in range(3)] == [b"READY=1", b"STATUS=3 pods", b"STOPPING=1"]


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify.ready()
