"""Places in a file and paths to fields: how every finding of this package says where it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

Path = tuple[str | int, ...]
"""The way from a document to a field: names as they are written, indexes and keys of maps."""

_PLAIN_NAME = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)


class Place(NamedTuple):
    """Line and column, both counted from 1."""

    line: int
    column: int


class Finding(NamedTuple):
    """Something to say about a field of one document."""

    place: Place
    path: Path
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is wrong in a file; its text is one line: `FILE:LINE: FIELD: what is wrong, what to do`.

    Line 0 stands for the whole file.
    """

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        field = f"{self.path}: " if self.path else ""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {field}{self.message}"


def path_text(path: Path) -> str:
    """`spec.containers[1].image`; keys that are no plain names stand in brackets: `labels[app.example/x]`."""
    text = ""
    for step in path:
        if isinstance(step, str) and _PLAIN_NAME.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{one_line(str(step))}]"
    return text


def one_line(text: str, limit: int = 60) -> str:
    """A text of the user as a message shows it: on one line and not too long."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return shown if len(shown) <= limit else f"{shown[:limit]}…"
