"""What the host itself shows registries: its auth files, and the programs that these name."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

from hostpod.config import ImagesConfig
from hostpod.host.process import CommandError, run
from hostpod.images.keyring import Credential, auth_file, store_to_ask
from hostpod.images.references import Reference

log = logging.getLogger(__name__)

DEFAULT = Path("/etc/hostpod/auth.json")
# Where skopeo itself looks when it is given no file, in this order.
OWN_SEARCH = ("/run/containers/0/auth.json", "~/.config/containers/auth.json", "~/.docker/config.json", "~/.dockercfg")
HELPER_TIMEOUT_S = 30


class NodeCredentials:
    """Looked at anew for each pull: people log in while hostpod runs."""

    def __init__(self, config: ImagesConfig) -> None:
        self._config = config

    def reconfigure(self, config: ImagesConfig) -> None:
        """For pulls from now on."""
        self._config = config

    async def of(self, reference: Reference) -> tuple[Path | bytes | None, ...]:
        """What to try one after another, for Skopeo.using: never empty, and where the host has nothing it is a
        question without credentials."""
        own, files = await asyncio.to_thread(self._files)
        found: list[Path | bytes | None] = []
        for path in files:
            asked = store_to_ask(await asyncio.to_thread(_document, path), reference.domain)
            credential = await _from_store(*asked) if asked else None
            if credential is not None:
                found.append(auth_file(reference.name, credential))
        return (*found, *own)

    def _files(self) -> tuple[tuple[Path | None, ...], tuple[Path, ...]]:
        """What skopeo is to be given, and all files that it may look at."""
        chosen = self._config.auth_file or (DEFAULT if DEFAULT.exists() else None)
        others = tuple(path for path in map(_expanded, OWN_SEARCH) if path.exists())
        if chosen is None:
            return (None,), others
        return ((chosen, None) if others else (chosen,)), (chosen, *others)


def _expanded(path: str) -> Path:
    return Path(path).expanduser()


def _document(path: Path) -> Any:
    """What a file says; None where skopeo will complain of it."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


async def _from_store(store: str, server: str) -> Credential | None:
    """Ask docker-credential-STORE; None where it has nothing. What it says is in no message."""
    program = f"docker-credential-{store}"
    try:
        answer = await run(
            [program, "get"], timeout_s=HELPER_TIMEOUT_S, stdin=server.encode(), check=False, expendable=True
        )
        told = json.loads(answer.stdout) if answer.exit_code == 0 else None
    except CommandError as error:
        log.warning("no credentials for %s: %s", server, error)
        return None
    except (ValueError, RecursionError):
        log.warning("no credentials for %s: the answer of %s is no JSON", server, program)
        return None
    if not isinstance(told, dict):  # as it says that it has none, or that it is locked
        return None
    user, secret = str(told.get("Username", "")), str(told.get("Secret", ""))
    if user == "<token>":  # the protocol's mark of an identity token
        return Credential(username=user, password="", identity_token=secret)
    return Credential(username=user, password=secret)
