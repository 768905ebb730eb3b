"""A message that is encoded once and filled in many times. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Template:
    """An encoded message with marks in the places of the values that differ."""

    def __init__(self, encoded: bytes, marks: Mapping[str, bytes]) -> None:
        self._encoded = encoded
        self._marks = dict(marks)
        self._places = {name: tuple(_places(encoded, mark)) for name, mark in marks.items()}
        for name, places in self._places.items():
            if not places:
                raise ValueError(f"the message has no mark for {name}")

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        """The message with every mark replaced by a value of the same length."""
        message = bytearray(self._encoded)
        for name, places in self._places.items():
            value = values[name]
            if len(value) != len(self._marks[name]):
                raise ValueError(f"{name} takes {len(self._marks[name])} octets, not {len(value)}")
            for at in places:
                message[at : at + len(value)] = value
        return bytes(message)


def _places(encoded: bytes, mark: bytes) -> Iterator[int]:
    at = encoded.find(mark)
    while at >= 0:
        yield at
        at = encoded.find(mark, at + len(mark))
