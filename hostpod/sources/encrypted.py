"""Files of Secrets that are encrypted with systemd-creds: what they hold is only ever in memory.

`systemd-creds encrypt db.yaml db.yaml.cred` writes one. The name is a part of what is encrypted, so a file cannot take
the place of another, and the key is this host's (its TPM, or a file of root's), so it is of no use elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePath

from hostpod.host.process import CommandError, CommandFailedError, CommandNotFoundError, run
from hostpod.kube import Secret
from hostpod.manifest import PRIVILEGED, Parsed, PodSecurity, Problem, parse_manifest
from hostpod.manifest.place import one_line
from hostpod.sources.files import is_encrypted

PROGRAM = "systemd-creds"
# A TPM may take seconds.
TIMEOUT_S = 20.0

_NOT_ITS_OWN = "it is not what systemd-creds encrypt writes"
# What the program says, and in plain words; the rest is shown as it is.
_PLAIN_WORDS = (
    (
        "does not match filename",
        "it was encrypted under another name: rename it back, or encrypt it anew with --name={name}",
    ),
    ("determine local credential key", "this host has no key of its own: encrypt it anew on this host"),
    ("incorrect key", "it was encrypted with another host's key, or was changed: encrypt it anew on this host"),
    ("too short", _NOT_ITS_OWN),
    ("read encrypted credential data", _NOT_ITS_OWN),
    ("header", _NOT_ITS_OWN),
)
_VALUES = re.compile(r'(?<!did you mean )"[^"]*"')


class DecryptionError(Exception):
    """What a file holds cannot be had; the message can be shown as it is."""


async def decrypted(data: bytes, name: str) -> bytes:
    """What a file of this name holds. Neither the data nor what comes of it is written anywhere."""
    try:
        completed = await run((PROGRAM, "decrypt", f"--name={name}", "-", "-"), stdin=data, timeout_s=TIMEOUT_S)
    except CommandNotFoundError:
        raise DecryptionError(f"cannot be decrypted: there is no {PROGRAM} on this host") from None
    except CommandFailedError as error:
        raise DecryptionError(f"cannot be decrypted: {_explained(error, name)}") from error
    except CommandError as error:
        raise DecryptionError(f"cannot be decrypted: {error}") from error
    if not completed.stdout:
        raise DecryptionError("holds nothing: encrypt a Secret")
    return completed.stdout


def _explained(error: CommandFailedError, name: str) -> str:
    lines = error.completed.stderr.decode(errors="replace").strip().splitlines()
    last = one_line(lines[-1], 300).rstrip(".") if lines else f"{PROGRAM} says no reason"
    plain = next((words for said, words in _PLAIN_WORDS if said in last), None)
    return f"{plain.format(name=name)} ({last})" if plain else last


def parse_file(content: bytes, *, file: str, security: PodSecurity = PRIVILEGED) -> Parsed:
    """What a file says, which is decrypted already. Of an encrypted one Secrets alone count, and no value is shown.

    Pods would be written down and shown as they are, with all that they hold.
    """
    parsed = parse_manifest(content, file=file, security=security)
    if not is_encrypted(PurePath(file).name):
        return parsed
    others = [each.line for each in parsed.pods]
    others += [each.line for each in parsed.configs if not isinstance(each.config, Secret)]
    told = "must be Secret in an encrypted file: move it to a file that is not encrypted"
    problems = [Problem(file=file, line=line, column=1, path="kind", message=told) for line in others]
    shown = (replace(each, message=_VALUES.sub("a value", each.message)) for each in parsed.problems)
    secrets = tuple(each for each in parsed.configs if isinstance(each.config, Secret))
    return replace(parsed, pods=(), configs=secrets, problems=(*shown, *problems))
