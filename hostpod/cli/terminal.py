"""This process's terminal: raw while a command in a container has it, its size, and whether it is one."""

from __future__ import annotations

import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

_STDIN = 0


@contextmanager
def raw_terminal(*, enabled: bool) -> Iterator[None]:
    """Every key goes through as it is; what the terminal was is put back at the end, also when this one is ended."""
    if not enabled:
        yield
        return
    before = termios.tcgetattr(_STDIN)
    handlers = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        tty.setraw(_STDIN)
        yield
    finally:
        termios.tcsetattr(_STDIN, termios.TCSADRAIN, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def terminal_size() -> tuple[int, int] | None:
    """(columns, rows); None where there is no terminal."""
    try:
        size = os.get_terminal_size(_STDIN)
    except OSError:
        return None
    return size.columns, size.lines
