"""Clients of a daemon that cannot start.

A connection that waits on a socket of systemd's is its reason to start the daemon at once, without RestartSec= between:
while a client waited, a daemon that cannot start would be started without a pause. So nobody is left waiting.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

_FIRST = 3  # sd_listen_fds(3): descriptors that are handed over begin here


@contextmanager
def turned_away() -> Iterator[None]:
    """Where the block ends with an error, or with an exit code, those who wait on systemd's sockets are sent away."""
    with ExitStack() as stack:
        # Of our own: by the end of the block the others are closed.
        held = [stack.enter_context(each) for each in _handed_over()]
        try:
            yield
        except BaseException as end:
            if not isinstance(end, SystemExit) or end.code:
                for each in held:
                    _send_away(each)
            raise


def _handed_over() -> Iterator[socket.socket]:
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return
    for number in range(_FIRST, _FIRST + int(os.environ.get("LISTEN_FDS", "0"))):
        with suppress(OSError):  # whoever serves it says that it is no socket
            yield socket.socket(fileno=os.dup(number))


def _send_away(listening: socket.socket) -> None:
    listening.settimeout(0)
    with suppress(OSError):  # nobody waits any more
        while True:
            listening.accept()[0].close()
