"""Text as man reads it. Pure: text in, text out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

_EXAMPLE = re.compile(r"^(?P<command>\S.*?)(?: {3,}(?P<words>\S.*))?$")


def escaped(text: str) -> str:
    """A line as it is: no letter of it means anything to roff, and - is the one that can be copied."""
    line = (
        text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha").replace("'", "\\(aq")
    )
    return f"\\&{line}" if line.startswith(".") else line


def bold(text: str) -> str:
    """In bold."""
    return f"\\fB{escaped(text)}\\fR"


def header(name: str, section: int, title: str) -> Iterator[str]:
    """The first line of a page; without a date, so that a page is the same whenever it is made."""
    yield f'.TH "{escaped(name.upper())}" {section} "" "hostpod" "{escaped(title)}"'


def heading(text: str) -> str:
    """The beginning of a section."""
    return f'.SH "{escaped(text.upper())}"'


def smaller_heading(text: str) -> str:
    """The beginning of a part of a section."""
    return f'.SS "{escaped(text)}"'


def paragraphs(text: str) -> Iterator[str]:
    """Text in paragraphs with an empty line between them; one that begins with click's \\b keeps its lines."""
    for part in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in part.strip().splitlines()]
        if lines and lines[0] == "\b":
            yield from as_it_is(lines[1:])
        else:
            yield from (".PP", escaped(" ".join(lines)))


def as_it_is(lines: Iterable[str]) -> Iterator[str]:
    """Lines that are not filled."""
    yield from (".PP", ".nf", *map(escaped, lines), ".fi")


def item(term: str, words: Iterable[str]) -> Iterator[str]:
    """A term, which is roff already, with what it means indented below."""
    yield from (".TP", term, *words)


def examples(lines: Sequence[str]) -> Iterator[str]:
    """Lines of `command   what it does`: the command in bold, the words below."""
    for line in lines:
        found = _EXAMPLE.match(line.strip())
        if found:
            yield from item(bold(found["command"]), [escaped(found["words"])] if found["words"] else [])
