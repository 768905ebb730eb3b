"""Processes that are not children of this one: held by a pidfd, told from a later namesake by their start time."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_START_TIME_FIELD = 19  # of /proc/PID/stat after the command name: field 22 of proc(5)


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when there is none (or only its zombie)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat[stat.rindex(b")") + 2 :].split()
    return None if state in (b"Z", b"X") else int(fields[_START_TIME_FIELD - 1])


def open_pidfd(pid: int) -> int:
    """A descriptor of a process. Raises ProcessLookupError."""
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        # While anything lives in the session or group that a process led, its number is not free: Linux 6.1, for one,
        # says of such a number that it is invalid.
        if error.errno == errno.EINVAL:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH)) from error
        raise


def kill_children(pid: int) -> None:
    """SIGKILL to what a process started, and to the process groups that its children lead; nothing when it is gone."""
    for child in _children(pid):
        with suppress(ProcessLookupError):
            kill = os.killpg if os.getpgid(child) == child else os.kill
            kill(child, signal.SIGKILL)


def kill_descendants(pid: int) -> None:
    """SIGKILL to all that a process started and what that started, but not to itself; nothing when it is gone.

    First all are stopped, until no new one is found: they neither start more nor reap those that end, so that the
    numbers stay theirs.
    """
    stopped = set[int]()
    while new := set(_descendants(pid)) - stopped:
        stopped |= new
        _signal(new, signal.SIGSTOP)
    _signal(stopped, signal.SIGKILL)


def _descendants(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _descendants(child)


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _children(pid: int) -> list[int]:
    children = list[int]()
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            children += map(int, listing.read_text().split())
    return children


class Watched:
    """A process that is watched for its end: `ended` is called once, from the event loop. Nothing is polled."""

    def __init__(self, pid: int, pidfd: int, ended: Callable[[], None]) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._ended = ended
        asyncio.get_running_loop().add_reader(pidfd, self._fire)

    @property
    def lives(self) -> bool:
        """Whether the process is still there, were it as a zombie: as long as it is, its pid is nobody else's."""
        try:
            signal.pidfd_send_signal(self._pidfd, 0)
        except ProcessLookupError:
            return False
        return True

    def signal(self, number: int) -> None:
        """Send a signal to just this process; nothing when it has ended."""
        with suppress(ProcessLookupError):
            if self._pidfd >= 0:
                signal.pidfd_send_signal(self._pidfd, number)

    def close(self) -> None:
        """Stop watching. May be called twice."""
        if self._pidfd >= 0:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def _fire(self) -> None:
        self.close()
        self._ended()


def watch(pid: int, ended: Callable[[], None], *, started: int | None = None) -> Watched | None:
    """Watch a process; None when it has ended, or when its pid went to another (`started` differs)."""
    try:
        pidfd = open_pidfd(pid)
    except ProcessLookupError:
        return None
    ticks = start_ticks(pid)
    if ticks is None or (started is not None and ticks != started):
        os.close(pidfd)
        return None
    return Watched(pid, pidfd, ended)
