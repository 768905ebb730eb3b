"""What a container says of its end: the file that it may write, or the end of its log."""

from __future__ import annotations

import os
from pathlib import Path

from hostpod.host.logs import LogError, log_tail
from hostpod.kube import Container, Pod

# The kubelet's limits: one message, all messages of a pod, and what is taken of a log.
LIMIT_BYTES = 4096
POD_LIMIT_BYTES = 12 * 1024
LOG_LINES = 80
LOG_BYTES = 2048
DEFAULT_PATH = "/dev/termination-log"


def make_file(path: Path, *, owner: int = 0) -> None:
    """The file that is bound into the container; its user, whoever that is, may write to it."""
    path.touch()
    if owner:
        os.chown(path, owner, owner)
    path.chmod(0o666)  # past the umask


def termination_message(pod: Pod, container: Container, file: Path, *, log: Path, logs: Path, failed: bool) -> str:
    """By the container's policy; empty where it says nothing. `logs` is the directory that the log must be in."""
    limit = min(LIMIT_BYTES, POD_LIMIT_BYTES // len(pod.spec.all_containers))
    said = _head(file, limit)
    if not said and failed and container.termination_message_policy == "FallbackToLogsOnError":
        said = _end_of_log(log, logs)[-limit:]
    return said.decode(errors="replace")


def _head(file: Path, limit: int) -> bytes:
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    except OSError as error:
        return _unread("log", error.strerror)
    try:
        return os.read(fd, limit)
    except OSError as error:
        return _unread("log", error.strerror)
    finally:
        os.close(fd)


def _unread(what: str, why: object) -> bytes:
    """The kubelet's words. Whatever keeps a message from being read, the end itself is written down."""
    return f"Error on reading termination {what}: {why}".encode()


def _end_of_log(log: Path, logs: Path) -> bytes:
    try:
        return log_tail(log, below=logs, lines=LOG_LINES, limit_bytes=LOG_BYTES)
    except LogError as error:
        return _unread("message from logs", error)
