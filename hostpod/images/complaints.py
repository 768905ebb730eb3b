"""What skopeo prints when it gives up, in few words: those of the registry. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from http import HTTPStatus

LIMIT = 600
_LOOK = 4096

# What registries say to somebody who may not have an image; some deny that there is one, and some count those whom
# they do not know.
_NO_ACCESS = re.compile(
    r"unauthorized|authentication required|denied|forbidden|invalid username/password|\b(?:40[134]|429)\b"
    r"|manifest unknown|name unknown|not found|toomanyrequests|getting username and password",
    re.IGNORECASE,
)

_FATAL = re.compile(r'level=(?:fatal|error) msg="((?:[^"\\]|\\.)*)"')
# What a credential helper printed that then failed: a sentence, or what it should have kept.
_HELPERS_ANSWER = re.compile(r", out: `[^`]*\{[^`]*`")
# Where skopeo, in some of its versions, leaves a part of what the registry's protocol says, or HTTP's code.
_PART = re.compile(r"(?:^|(?<=: ))(?<!unauthorized: )(?:denied|authentication required)$")
_WHOLE = {
    "denied": "denied: requested access to the resource is denied",
    "authentication required": "unauthorized: authentication required",
}
_STATUS = re.compile(r"\bStatusCode: (?P<status>[0-9]{3}), ?")
_MIRRORS = re.compile(r"\(Mirrors also failed: \[(?P<mirrors>.*)\]\): (?P<main>.*)", re.DOTALL)
# What skopeo says of its own steps. The image's name is in the message already.
_STEPS = re.compile(
    r"(?:Error parsing image name \"[^\"]*\"|Invalid source name \S+|initializing source \S+"
    r"|reading manifest \S+ in \S+|copying system image from manifest list|determining manifest MIME type for \S+"
    r"|Error reading manifest|Source image rejected|pinging container registry \S+|writing blob|happened during read): "
)


# A registry that is out of sorts, or a connection that broke off: another attempt in a moment may do. What skopeo has
# tried again by itself for long enough (429, with Retry-After) is not here, nor what needs somebody's hand.
_PASSES = re.compile(
    r"internal server error|bad gateway|service unavailable|gateway time-?out"
    r"|connection reset|broken pipe|unexpected eof|: eof\b|i/o timeout|tls handshake timeout|http2: .*closed",
    re.IGNORECASE,
)


def may_pass(words: str) -> bool:
    """Whether what a registry was quoted with may be over in a moment."""
    return _PASSES.search(words) is not None


def registry_words(stderr: str) -> str:
    """One line that says why. What a registry answers may be of any length: its beginning and its end are read."""
    if len(stderr) > 2 * _LOOK:
        stderr = f"{stderr[:_LOOK]} {stderr[-_LOOK:]}"
    found = _FATAL.findall(stderr)
    text = " ".join(_HELPERS_ANSWER.sub("", _unquoted(found[-1]) if found else stderr).split())
    mirrored = _MIRRORS.search(_STEPS.sub("", text))
    if mirrored:
        text = f"{_short(mirrored['main'])}; mirror {_short(mirrored['mirrors'])}"
    return (
        _STATUS.sub(_status, _PART.sub(lambda part: _WHOLE[part[0]], _short(text)))[:LIMIT] or "skopeo gave no reason"
    )


def others_may_be_let_in(words: str) -> bool:
    """Whether the registry might give the image to somebody with other credentials."""
    return bool(_NO_ACCESS.search(words))


def all_words(refusals: Sequence[tuple[str, str]]) -> str:
    """What was answered to each who asked, said once where it is the same. `refusals` has who asked, and the words."""
    askers: dict[str, list[str]] = {}
    for asker, words in refusals:
        askers.setdefault(words, []).append(asker)
    if len(refusals) == 1:
        return refusals[0][1]
    return "; ".join(f"{words} (asked with {' and '.join(dict.fromkeys(each))})" for words, each in askers.items())


def _short(text: str) -> str:
    """Without skopeo's steps, and what is said twice in a row only once."""
    parts: list[str] = []
    for part in _STEPS.sub("", text).split(": "):
        if not parts or parts[-1] != part:
            parts.append(part)
    return ": ".join(parts)


def _status(found: re.Match[str]) -> str:
    status = int(found["status"])
    name = HTTPStatus(status).phrase if status in set(HTTPStatus) else "no known status"
    return f"HTTP status {status} {name}: "


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text.replace('\\"', '"')
