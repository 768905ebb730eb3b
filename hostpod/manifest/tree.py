"""YAML events to a tree of nodes that know their places. Bounded in depth and in size, aliases counted in full.

PyYAML is used for its events only: its own composing and resolving of scalars is not Kubernetes'.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from hostpod.manifest.place import Finding, Place, one_line
from hostpod.manifest.scalars import Scalar, resolve

DEEPEST = 100
MOST_VALUES = 250_000

_TAG = "tag:yaml.org,2002:"
_COLLECTION_TAGS = (None, "!", f"{_TAG}map", f"{_TAG}seq")
_TYPES: Mapping[str, tuple[type, ...]] = {
    f"{_TAG}int": (int,),
    f"{_TAG}float": (int, float),
    f"{_TAG}bool": (bool,),
    f"{_TAG}null": (type(None),),
}


# No message of this module shows a value: it may be a Secret's.
_NO_TAG = 'the tag means nothing here, remove it; a text that begins with "!" needs quotes'


class UnreadableError(Exception):
    """A document cannot be read any further from this place on."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


class Node(NamedTuple):
    """A value with its place; `text` is a scalar as it was written, `keys` the places of a mapping's keys."""

    place: Place
    value: Mapping[str, Any] | list[Any] | Scalar
    text: str = ""
    keys: Mapping[str, Place] = {}

    def mapping(self) -> Mapping[str, Node]:
        """The entries, where this is a mapping; none otherwise."""
        return self.value if isinstance(self.value, dict) else {}

    def sequence(self) -> list[Node]:
        """The items, where this is a list; none otherwise."""
        return self.value if isinstance(self.value, list) else []


class Events(Protocol):
    """What is used of PyYAML's parsers, the one in C and the one in Python."""

    def get_event(self) -> Any:
        """The next event; YAMLError where there is none because of a mistake."""
        ...


class TreeBuilder:
    """Reads the documents of one stream; what is wrong but leaves the rest readable is collected beside.

    `lines` are the numbers of the stream's lines in the file.
    """

    def __init__(self, events: Events, *, lines: Sequence[int], values_left: int = MOST_VALUES) -> None:
        self._findings: list[Finding] = []
        self.values_left = values_left
        self._events = events
        self._lines = lines
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._path: list[str | int] = []

    def documents(self) -> Iterator[Node]:
        """The root of each document."""
        self._events.get_event()
        while not isinstance(self._events.get_event(), StreamEndEvent):
            self._anchors = {}
            yield self._node(self._events.get_event())
            end = self._events.get_event()
            assert isinstance(end, DocumentEndEvent)

    def taken_findings(self) -> tuple[Finding, ...]:
        """What was found wrong since the last call."""
        taken, self._findings = tuple(self._findings), []
        return taken

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self._lines[min(mark.line, len(self._lines) - 1)], mark.column + 1)

    def _report(self, place: Place, message: str) -> None:
        self._findings.append(Finding(place, tuple(self._path), message))

    def _count(self, values: int, place: Place) -> None:
        self.values_left -= values
        if self.values_left < 0:
            raise UnreadableError(
                place, f"holds more than {MOST_VALUES} values (aliases count in full), split the file"
            )

    def _node(self, event: Any) -> Node:
        place = self._place(event)
        if isinstance(event, AliasEvent):
            return self._alias(str(event.anchor), place)
        if len(self._path) > DEEPEST:
            raise UnreadableError(place, f"is nested more than {DEEPEST} levels deep, no manifest is")
        before = self.values_left
        self._count(1, place)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, ScalarEvent):
            node = Node(place, self._scalar(event, place), event.value)
        else:
            self._check_collection_tag(event, place)
            node = self._mapping(place) if isinstance(event, MappingStartEvent) else self._sequence(place)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, before - self.values_left)
        return node

    def _alias(self, name: str, place: Place) -> Node:
        if name not in self._anchors:
            self._report(place, 'the alias has no anchor before it; a text that begins with "*" needs quotes')
            return Node(place, None)
        anchored = self._anchors[name]
        if anchored is None:
            raise UnreadableError(place, "the alias stands inside of what it repeats")
        self._count(anchored[1], place)
        return anchored[0]

    def _check_collection_tag(self, event: Any, place: Place) -> None:
        if event.tag not in _COLLECTION_TAGS:
            self._report(place, _NO_TAG)

    def _sequence(self, place: Place) -> Node:
        items: list[Node] = []
        while not isinstance(event := self._events.get_event(), SequenceEndEvent):
            self._path.append(len(items))
            items.append(self._node(event))
            self._path.pop()
        return Node(place, items)

    def _mapping(self, place: Place) -> Node:
        entries: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        merged: list[Node] = []
        while not isinstance(event := self._events.get_event(), MappingEndEvent):
            key_place = self._place(event)
            key, merges = self._key(event, key_place)
            self._path.append(key)
            value = self._node(self._events.get_event())
            if merges:
                merged += self._merged(value, key_place)
            elif key in entries:
                self._report(key_place, f"is set twice, remove one; it was set first on line {keys[key].line}")
            else:
                entries[key], keys[key] = value, key_place
            self._path.pop()
        for source in merged:
            for key, value in source.mapping().items():
                if key not in entries:
                    entries[key], keys[key] = value, source.keys[key]
        return Node(place, entries, keys=keys)

    def _key(self, event: Any, place: Place) -> tuple[str, bool]:
        """The key as text, and whether it is the merge key."""
        if isinstance(event, ScalarEvent) and event.value == "<<" and event.implicit[0]:
            return "<<", True
        node = self._node(event)
        if node.value is None or isinstance(node.value, dict | list):
            self._report(place, "a key must be a word, put it in quotes if it is one")
            return one_line(node.text) or "?", False
        if isinstance(node.value, bool):
            self._report(place, f'the key "{node.text}" means {str(node.value).lower()} in YAML, put it in quotes')
            return node.text, False
        return str(node.value), False

    def _merged(self, value: Node, place: Place) -> list[Node]:
        sources = value.sequence() or [value]
        if not all(isinstance(source.value, dict) for source in sources):
            self._report(place, '"<<" takes over the fields of an object or of a list of objects, not other values')
        return sources

    def _scalar(self, event: Any, place: Place) -> Scalar:
        tag = event.tag
        if tag is None:
            value = resolve(event.value) if event.implicit[0] else event.value
            if isinstance(value, float) and not math.isfinite(value):
                self._report(place, f"{event.value} is no number that a manifest can hold")
            return value
        if tag in ("!", f"{_TAG}str", f"{_TAG}timestamp"):
            return str(event.value)
        return self._binary(event, place) if tag == f"{_TAG}binary" else self._typed(event, place)

    def _typed(self, event: Any, place: Place) -> Scalar:
        value = resolve(event.value)
        if event.tag not in _TYPES:
            self._report(place, _NO_TAG)
        elif type(value) not in _TYPES[event.tag]:
            self._report(place, f'the value is not what its tag "{_short(event.tag)}" says')
        return value

    def _binary(self, event: Any, place: Place) -> str:
        try:
            return base64.b64decode("".join(event.value.split()), validate=True).decode()
        except (binascii.Error, UnicodeError):
            self._report(place, "!!binary must be base64 of a text in UTF-8")
            return ""


def _short(tag: str) -> str:
    return one_line(tag.replace(_TAG, "!!"))
