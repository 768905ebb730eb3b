"""What skopeo prints when it gives up, in few words: those of the registry. Pure."""

from __future__ import annotations

import json
import re

LIMIT = 600

_FATAL = re.compile(r'level=(?:fatal|error) msg="((?:[^"\\]|\\.)*)"')
_MIRRORS = re.compile(r"\(Mirrors also failed: \[(?P<mirrors>.*)\]\): (?P<main>.*)", re.DOTALL)
# What skopeo says of its own steps. The image's name is in the message already.
_STEPS = re.compile(
    r"(?:Error parsing image name \"[^\"]*\"|Invalid source name \S+|initializing source \S+"
    r"|reading manifest \S+ in \S+|copying system image from manifest list|determining manifest MIME type for \S+"
    r"|Error reading manifest|Source image rejected|pinging container registry \S+|writing blob|happened during read): "
)


def registry_words(stderr: str) -> str:
    """One line that says why."""
    found = _FATAL.findall(stderr)
    text = _unquoted(found[-1]) if found else " ".join(stderr.split())
    mirrored = _MIRRORS.search(_STEPS.sub("", text))
    if mirrored:
        text = f"{_short(mirrored['main'])}; mirror {_short(mirrored['mirrors'])}"
    return _short(text)[:LIMIT] or "skopeo gave no reason"


def _short(text: str) -> str:
    """Without skopeo's steps, and what is said twice in a row only once."""
    parts: list[str] = []
    for part in _STEPS.sub("", text).split(": "):
        if not parts or parts[-1] != part:
            parts.append(part)
    return ": ".join(parts)


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text.replace('\\"', '"')
