"""The texts around a URL: how it is shown, and the headers that are sent to it. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

Headers = tuple[tuple[str, str], ...]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class HeaderError(Exception):
    """A line of a file of headers cannot be used; the message shows nothing of it."""


def shown(url: str) -> str:
    """The URL as people see it: without user, password, query and fragment, each of which may be a secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def parse_headers(text: str) -> Headers:
    """`Name: value` one a line; empty lines and those that begin with # are left out. Raises HeaderError."""
    headers = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, colon, value = line.partition(":")
        if not (colon and _NAME.fullmatch(name) and not _CONTROL.search(value)):
            raise HeaderError(f'line {number} is no "Name: value"')
        headers.append((name, value.strip()))
    return tuple(headers)
