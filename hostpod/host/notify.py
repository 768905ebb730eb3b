"""Word to systemd: ready, what is going on, stopping. Nothing happens where systemd does not listen."""

from __future__ import annotations

import logging
import os

log = logging.getLogger(__name__)


def ready() -> None:
    """The daemon serves: units that are ordered after it may start."""
    _tell("READY=1")


def status(text: str) -> None:
    """One line for `systemctl status`."""
    _tell(f"STATUS={text}")


def stopping() -> None:
    """The daemon is on its way out."""
    _tell("STOPPING=1")


def _tell(state: str) -> None:
    if not os.environ.get("NOTIFY_SOCKET"):
        return
    from systemd import daemon  # noqa: PLC0415 - not loaded where nobody listens

    try:
        daemon.notify(state)
    except OSError as error:  # a listener that is gone is no reason to end
        log.debug("cannot tell %s: %s", state, error)
