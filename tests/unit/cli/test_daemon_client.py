from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from hostpod.cli.daemon_client import Daemon, not_allowed, url
from hostpod.cli.failure import Failure
from tests.unit.cli.conftest import Hostpod


def test_targets_are_quoted() -> None:
    assert url("pods", "a/b", "c d") == "/pods/a%2Fb/c%20d"
    assert url("images", "pull", ref="a:1&x") == "/images/pull?ref=a%3A1%26x"


def test_a_daemon_that_does_not_run(tmp_path: Path) -> None:
    result = Hostpod(tmp_path / "no.sock")("get", "pods")
    assert result.exit_code == 1
    assert result.stderr == (
        f"error: hostpod does not run: nothing answers at {tmp_path}/no.sock; start it with "
        "`systemctl start hostpod` or `hostpod serve` as root, or name another socket with --socket or "
        "HOSTPOD_SOCKET\n"
    )


def test_a_stale_socket_is_a_daemon_that_does_not_run(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "stale.sock"))
    assert "hostpod does not run" in Hostpod(tmp_path / "stale.sock")("images").stderr


def test_the_socket_may_be_named_behind_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "behind.sock" in Hostpod(tmp_path / "x")("get", "pods", "--socket", "behind.sock").stderr


def test_no_permission_names_the_group(tmp_path: Path) -> None:
    assert "be root or in the group hostpod" in not_allowed(str(tmp_path / "hidden/h.sock"))
    path = tmp_path / "h.sock"
    path.touch()
    os.chown(path, -1, os.getgid())
    assert "in the group" in not_allowed(str(path))


def serve_once(path: Path, answer: bytes) -> threading.Thread:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()

    def run() -> None:
        with listening, listening.accept()[0] as peer:
            peer.recv(65536)
            peer.sendall(answer)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", r"the connection to hostpod at .* broke: Remote end closed connection without response"),
        (b"garbage\r\n\r\n", r"broke: garbage"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", r"broke: IncompleteRead"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{", r"broke: Expecting property name"),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", r"^the daemon answered 500 Oops$"),
    ],
)
def test_answers_that_make_no_sense_are_told(tmp_path: Path, answer: bytes, message: str) -> None:
    thread = serve_once(tmp_path / "s", answer)
    daemon = Daemon(str(tmp_path / "s"))
    with pytest.raises(Failure, match=message):
        daemon.get("pods")
    daemon.close()
    thread.join()
