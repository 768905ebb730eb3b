"""Events on disk: lines that are appended by a thread of its own, so that nobody waits for the disk.

The file is written anew when it has grown to its limit, and when it holds what is too old; each time it becomes what
is known now. Where it cannot be written events go on in memory: that is said once, and tried again.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from hostpod.host.store import StoreError, write_atomic
from hostpod.plan.happenings import Event, event_line, read_events

log = logging.getLogger(__name__)

PAUSE_S = 0.2  # after each write: a burst of events is a few writes
RETRY_S = 10.0
CLOSE_S = 5.0  # a disk that hangs does not hold up the daemon's end for longer
WAITING_MOST = 1000  # more than these are not held for a disk that hangs: the file is written anew then


class EventFile:
    """One file. Between `with` and its end a thread writes; it sleeps while nothing happens.

    `everything` gives what is known now, in any thread: it is what the file holds when it is written anew.
    """

    def __init__(
        self,
        path: Path,
        *,
        limit_bytes: int,
        age_s: float,
        everything: Callable[[], Sequence[Event]],
        now: Callable[[], float],
    ) -> None:
        self._path, self._limit_bytes, self._age_s = path, limit_bytes, age_s
        self._everything, self._now = everything, now
        self._lock = threading.Lock()
        self._waiting: dict[int, Event] = {}
        self._anew = False
        self._anew_at = now()
        self._failing = False
        self._work, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)

    def load(self) -> list[Event]:
        """What an earlier daemon wrote. It is written anew then: half a line and what is too old do not stay."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("cannot read earlier events from %s: %s", self._path, _reason(error))
            return []
        self._anew = True
        return read_events(content)

    def put(self, event: Event) -> None:
        """Have an event written soon. Never waits for the disk."""
        with self._lock:
            self._waiting[event.serial] = event
            if len(self._waiting) > WAITING_MOST:
                self._waiting, self._anew = {}, True
        self._work.set()

    def __enter__(self) -> Self:
        if self._anew:
            self._work.set()
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._work.set()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            closing = self._closing.is_set()  # looked at first: all that was put before is written
            written = self._write()
            if closing:
                return
            if not written:
                self._work.set()
            self._closing.wait(PAUSE_S if written else RETRY_S)

    def _write(self) -> bool:
        with self._lock:
            lines = b"".join(map(event_line, self._waiting.values()))
            self._waiting, anew, self._anew = {}, self._anew, False
        if not lines and not anew:
            return True
        try:
            if anew or not self._appended(lines):
                self._write_anew()
        except (OSError, StoreError) as error:
            self._anew = True
            self._tell(error)
            return False
        self._tell(None)
        return True

    def _appended(self, lines: bytes) -> bool:
        """Append, unless the file is to be written anew: also where it is not there any more."""
        if self._now() - self._anew_at > self._age_s:
            return False
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            size_bytes = os.fstat(descriptor).st_size
            if not 0 < size_bytes <= self._limit_bytes * 2 // 3 - len(lines):
                return False
            view = memoryview(lines)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)
        return True

    def _write_anew(self) -> None:
        """Everything that is known: a third of the limit at the most, beside at most two of the old file."""
        now, lines = self._now(), b"".join(map(event_line, self._everything()))
        try:
            write_atomic(self._path, lines, durable=True)
        except StoreError:
            with suppress(OSError):  # it has room that others need more
                self._path.with_name(f".{self._path.name}.tmp").unlink()
            raise
        self._anew_at = now

    def _tell(self, error: OSError | StoreError | None) -> None:
        """Say it once when the disk begins to refuse, and once when it is over."""
        if error is not None and not self._failing:
            words = str(error) if isinstance(error, StoreError) else f"cannot write {self._path}: {_reason(error)}"
            log.warning("%s; events are kept in memory meanwhile", words)
        if error is None and self._failing:
            log.info("events are on disk again")
        self._failing = error is not None


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
