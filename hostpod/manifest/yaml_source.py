"""Bytes to documents: decoding, splitting into documents, and mistakes of YAML and JSON in plain words.

A document that cannot be read does not hide the others of its file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from yaml import MarkedYAMLError
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from hostpod.manifest.place import Finding, Place, one_line
from hostpod.manifest.tree import MOST_VALUES, Node, TreeBuilder, UnreadableError

MOST_UNREADABLE = 100
"""Documents that cannot be read; a file with more of them is not read to its end."""

FastParser: Callable[[str], Any] | None
try:
    from yaml._yaml import CParser

    FastParser = CParser
except ImportError:  # PyYAML was built without libyaml
    FastParser = None


class Document(NamedTuple):
    """One document, and what is wrong with its YAML that leaves it readable."""

    root: Node
    findings: tuple[Finding, ...]


class Source(NamedTuple):
    """The readable documents of a file in their order, and what is wrong with the others."""

    documents: tuple[Document, ...]
    findings: tuple[Finding, ...]


class PythonParser(Reader, Scanner, Parser):
    """PyYAML's parser in Python, for hosts where the one in C is missing."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_BREAK = re.compile("[\n\x85\u2028\u2029]")
_BREAK_OF_YAML_ONLY = re.compile("[\x85\u2028\u2029]")
_NO_CONTENT = re.compile(r"(?:[ \t]*(?:#.*|%.*|---[ \t]*(?:#.*)?)?(?:\n|$))*")
_QUOTED = re.compile(r"""(['"]).*\1""", re.DOTALL)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")

_PLAIN_WORDS = tuple(
    (re.compile(told), at_its_start, message)
    for told, at_its_start, message in (
        ("quoted scalar.*; .*(end of stream|document)", True, "the quote that opens here is never closed"),
        ("mapping values", False, 'a ":" is not expected here, check the indentation or put the value in quotes'),
        ("sequence entries", False, 'a "-" is not expected here, begin the list on a line of its own'),
        ("simple key", True, 'is no "key: value", check the indentation or add the colon'),
        ("cannot start any token", False, 'a value cannot begin with "{}", put it in quotes'),
        ("flow node", False, "a value is missing here, check brackets and commas"),
        ("flow (mapping|sequence)", True, "the bracket that opens here is not closed, or a comma is missing"),
        ("block (mapping|collection)", False, "does not fit the lines above, check the indentation"),
        ("document start", False, 'does not belong to the document above, write "---" between documents'),
    )
)
"""What PyYAML tells, whether the place is where the construct began, and plain words for it."""


def read_documents(content: bytes) -> Source:
    """All documents that can be read, and everything that is wrong with the others; never raises."""
    try:
        text = _decoded(content)
    except UnreadableError as error:
        return Source((), (Finding(error.place, (), str(error)),))
    documents: list[Document] = []
    findings: list[Finding] = []
    values_left = MOST_VALUES
    for first_line, part in _parts(text):
        if len(findings) > MOST_UNREADABLE:
            break
        lines = _line_numbers(part, first_line)
        builder = TreeBuilder(parser(part), lines=lines, values_left=values_left)
        try:
            for root in builder.documents():
                documents.append(Document(root, builder.taken_findings()))  # noqa: PERF401  # those before a mistake count
        except UnreadableError as error:
            findings += (*builder.taken_findings(), Finding(error.place, (), str(error)))
        except MarkedYAMLError as error:
            findings += (*builder.taken_findings(), _explained(error, part, lines))
        values_left = builder.values_left
    return Source(tuple(documents), tuple(findings))


def parser(text: str) -> Any:
    """The fastest parser of YAML that is there."""
    return FastParser(text) if FastParser is not None else PythonParser(text)


def _decoded(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_of_end(content[: error.start].decode("utf-8-sig"))
        raise UnreadableError(place, f"is not UTF-8 text: unexpected byte 0x{content[error.start]:02x}") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    odd = _UNPRINTABLE.search(text)
    if odd is not None:
        raise UnreadableError(
            _place_of_end(text[: odd.start()]), f"holds the character U+{ord(odd[0]):04X}, which YAML does not allow"
        )
    return _SURROGATES.sub(_paired, text) if "\\u" in text else text


def _place_of_end(text: str) -> Place:
    return Place(text.count("\n") + 1, len(text) - text.rfind("\n"))


def _paired(found: re.Match[str]) -> str:
    """JSON's surrogate pairs as one escape, which YAML can read."""
    high, low = int(found[2], 16), int(found[3], 16)
    return f"{found[1]}\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """The text cut before each `---`, with the number of each part's first line; parts without content are left out."""
    start, line = 0, 1
    for end in (*(found.start() for found in _SEPARATOR.finditer(text)), len(text)):
        part = text[start:end]
        if _NO_CONTENT.fullmatch(part) is None:
            yield line, part
        elif "%" in part:
            continue
        start, line = end, line + part.count("\n")


def _line_numbers(part: str, first_line: int) -> Sequence[int]:
    """The number of each line as YAML counts lines: to YAML 1.1 some characters break lines that no editor breaks."""
    if _BREAK_OF_YAML_ONLY.search(part) is None:
        return range(first_line, first_line + part.count("\n") + 1)
    breaks = _BREAK.findall(part)
    return list(accumulate((found == "\n" for found in breaks), initial=first_line))


def _explained(error: MarkedYAMLError, part: str, lines: Sequence[int]) -> Finding:
    """A mistake of YAML in plain words, at the place where a person looks for it."""
    mark = error.problem_mark
    assert mark is not None
    told = f"{error.context or ''}; {error.problem}"
    texts = _BREAK.split(part)
    line, column = (mark.line, mark.column) if mark.line < len(texts) else (len(texts) - 1, len(texts[-1]))
    here, rest = Place(lines[line], column + 1), texts[line][column:]
    if rest.startswith("\t"):
        return Finding(here, (), "a tab cannot indent YAML, write spaces")
    for pattern, at_its_start, message in _PLAIN_WORDS:
        if pattern.search(told):
            start = error.context_mark if at_its_start else None
            place = here if start is None else Place(lines[start.line], start.column + 1)
            return Finding(place, (), message.format(rest[:1]))
    return Finding(here, (), f"is no YAML: {one_line(_QUOTED.sub('…', told), 200)}")
