"""systemd's side of a service: what it is told by sd_notify(3), and the sockets it hands over by sd_listen_fds(3).

Nothing happens, and nothing is loaded, where systemd does not listen and hands nothing over.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence

from hostpod.host.clock import monotonic

log = logging.getLogger(__name__)


class ActivationError(Exception):
    """A descriptor that systemd handed over cannot be served; the message can be shown as it is."""


def ready() -> None:
    """The daemon serves: units that are ordered after it may start. Also the end of a reload."""
    _tell("READY=1")


def status(text: str) -> None:
    """One line for `systemctl status`."""
    _tell(f"STATUS={text}")


def stopping() -> None:
    """The daemon is on its way out."""
    _tell("STOPPING=1")


def reloading() -> None:
    """Settings are read anew; `ready` follows. The time tells systemd that it is the reload that it asked for."""
    _tell(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic() * 1e6)}")


def alive() -> None:
    """What the watchdog waits for."""
    _tell("WATCHDOG=1")


def extend_timeout(seconds: float) -> None:
    """What is under way (the stop, say) may take this long from now on, whatever the unit allows."""
    _tell(f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")


def watchdog_s() -> float | None:
    """Seconds within which systemd wants to hear `alive` again and again; None where no watchdog waits for us."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(microseconds) / 1e6 if ours and microseconds.isdigit() and int(microseconds) else None


def activated_sockets() -> Sequence[socket.socket]:
    """The sockets that are bound already: systemd holds them over restarts, so no client is refused meanwhile.

    They are the caller's to close. Raises ActivationError on a descriptor that is no listening stream socket.
    """
    if not os.environ.get("LISTEN_FDS"):
        return ()
    from systemd import daemon  # noqa: PLC0415 - not loaded where nothing is handed over

    return [_listening(fd, daemon.is_socket(fd, type=socket.SOCK_STREAM, listening=1)) for fd in daemon.listen_fds()]


def _listening(fd: int, listens: bool) -> socket.socket:  # noqa: FBT001 - the answer of the call beside it
    if not listens:
        raise ActivationError(
            f"systemd handed over descriptor {fd}, which is no listening stream socket: "
            "the socket unit may have ListenStream= only"
        )
    return socket.socket(fileno=fd)


def _tell(state: str) -> None:
    if not os.environ.get("NOTIFY_SOCKET"):
        return
    from systemd import daemon  # noqa: PLC0415 - not loaded where nobody listens

    try:
        daemon.notify(state)
    except OSError as error:  # a listener that is gone is no reason to end
        log.debug("cannot tell %s: %s", state, error)
