"""SIGHUP: the settings are read anew, and handed to those who use them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from hostpod.config import Config, ConfigError
from hostpod.config.reload import reloaded
from hostpod.host import notify

log = logging.getLogger(__name__)


async def reload_on(
    asked: asyncio.Event, read: Callable[[], Config], held: Callable[[], Config], hand_on: Callable[[Config], None]
) -> None:
    """Reload whenever it is asked for. systemd is told when it begins and when it is over, however it went."""
    while True:
        await asked.wait()
        asked.clear()
        notify.reloading()
        try:
            _reload(read, held(), hand_on)
        finally:
            notify.ready()


def _reload(read: Callable[[], Config], held: Config, hand_on: Callable[[Config], None]) -> None:
    try:
        outcome = reloaded(held, read())
    except ConfigError as error:
        for problem in str(error).splitlines():
            log.error("settings stay as they were: %s", problem, extra={"event": "ReloadRefused"})  # noqa: TRY400 - no stack trace at a person
        return
    if outcome.changed:
        hand_on(outcome.config)
    log.info("settings reloaded: %s", ", ".join(outcome.changed) or "nothing to change", extra={"event": "Reloaded"})
    if outcome.need_restart:
        log.warning("needs a restart: %s", ", ".join(outcome.need_restart), extra={"event": "RestartNeeded"})
