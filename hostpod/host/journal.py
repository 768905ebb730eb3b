"""Where log messages go: to the journal with fields of their own under systemd, as plain lines to stderr elsewhere.

A message's pod, namespace, container and event are given as `extra={"pod": …}` and become HOSTPOD_POD and so on. What
has an id in the catalogue gets it as MESSAGE_ID, by its `cause` or else by its `event`.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TextIO

from hostpod.host.catalog import message_id

FIELDS = ("pod", "namespace", "container", "pod_uid", "event", "cause", "container_id", "exit_code", "file")

# Where conmon's own lines go to: journald has no other way in for entries with fields.
JOURNAL_SOCKET = Path("/run/systemd/journal/socket")

# Libraries that tell of each request, each loop, each packet: hostpod says itself what matters of it.
_LIBRARIES = ("aiohttp", "asyncio", "pyroute2")

# python-systemd's sendv: lines of FIELD=value.
Send = Callable[..., None]


def set_up(level: str) -> None:
    """Route everything that is logged; `level` is debug, info, warning or error."""
    send = _journal() if stderr_is_the_journal() else None
    handler = JournalHandler(send) if send else _lines(sys.stderr)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    set_level(level)
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


def set_level(level: str) -> None:
    """What is written from now on: debug, info, warning or error, and what is graver."""
    logging.getLogger().setLevel(level.upper())


def stderr_is_the_journal() -> bool:
    """Whether systemd connected stderr to its journal (JOURNAL_STREAM is device:inode of that stream)."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(2)
    except OSError:
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


def takes_containers(setting: Literal["auto", True, False], *, socket: Path = JOURNAL_SOCKET) -> bool:
    """Whether containers' lines go to the journal: as `logging.journal` says, and for auto where a journal is."""
    return socket.exists() if setting == "auto" else setting


def last_words(words: str) -> None:
    """Tell why the daemon ends without a fault of its own: an error to the journal, a plain line to a person."""
    if any(isinstance(handler, JournalHandler) for handler in logging.getLogger().handlers):
        logging.getLogger(__name__).error("%s", words, extra={"event": "CannotRun"})
    else:
        sys.stderr.write(f"hostpod: {words}\n")


class JournalHandler(logging.Handler):
    """Messages as journal entries."""

    def __init__(self, send: Send) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields = {"MESSAGE": self.format(record)} | journal_fields(record)
            # A file's name may hold bytes that are no text; they are shown, and lose no message.
            self._send(*(f"{name}={value}".encode(errors="backslashreplace") for name, value in fields.items()))
        except Exception:  # noqa: BLE001 - logging's own rule: what cannot be logged is told to stderr
            self.handleError(record)


def journal_fields(record: logging.LogRecord) -> dict[str, str]:
    """The fields of an entry besides its message."""
    fields = {
        "PRIORITY": str(_priority(record.levelno)),
        "SYSLOG_IDENTIFIER": "hostpod",
        "LOGGER": record.name,
        "CODE_FILE": record.pathname,
        "CODE_LINE": str(record.lineno),
        "CODE_FUNC": record.funcName or "",
    }
    given = {f"HOSTPOD_{name.upper()}": getattr(record, name, None) for name in FIELDS}
    given["MESSAGE_ID"] = message_id(given["HOSTPOD_CAUSE"], given["HOSTPOD_EVENT"])
    return fields | {name: str(value) for name, value in given.items() if value not in (None, "")}


def _priority(level: int) -> int:
    """syslog's numbers: 3 error, 4 warning, 6 info, 7 debug."""
    for least, priority in ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6)):
        if level >= least:
            return priority
    return 7


def _journal() -> Send | None:
    try:
        from systemd.journal import sendv  # noqa: PLC0415 - not loaded where there is no journal
    except ImportError:
        return None
    send: Send = sendv
    return send


def _lines(stream: TextIO) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("hostpod: %(levelname)s: %(message)s"))
    return handler
