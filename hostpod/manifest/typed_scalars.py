"""One value against one scalar type: the value to go on with, and what is wrong with it in plain words.

A value of the wrong type is repaired where its meaning is plain (`"80"` for an integer), so that the checks that
follow do not complain of the same mistake again.
"""

from __future__ import annotations

from hostpod.kube import Quantity, QuantityError
from hostpod.kube.model import checked_time
from hostpod.manifest.place import one_line
from hostpod.manifest.scalars import resolve
from hostpod.manifest.shapes import Kind, Shape
from hostpod.manifest.tree import Node

ABSENT = object()
"""There is no value to go on with."""

Read = tuple[object, str | None]
"""The value or ABSENT, and the complaint where there is one."""

_A_QUANTITY = "must be a quantity, write for example 500m, 2, 64Mi or 1.5Gi"


def read_scalar(node: Node, shape: Shape) -> Read:
    """Any scalar type."""
    kind: Kind = shape.kind
    if kind == "string":
        return _string(node)
    if kind == "boolean":
        return _boolean(node)
    if kind == "quantity":
        return _quantity(node)
    if kind == "time":
        return _time(node)
    if kind == "integer or string":
        return (
            (node.value, None) if isinstance(node.value, str) else _integer(node, shape.bits, "an integer or a string")
        )
    return _integer(node, shape.bits, "an integer")


def kind_of(node: Node) -> str:
    """What a value is, in words."""
    words = {
        bool: "a boolean",
        int: "an integer",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "an object",
    }
    return words.get(type(node.value), "empty")


def _string(node: Node) -> Read:
    if isinstance(node.value, str):
        return node.value, None
    if isinstance(node.value, list | dict) or node.value is None:
        return ABSENT, f"must be a string, not {kind_of(node)}"
    return node.text, f'must be a string, not {kind_of(node)}: put it in quotes, "{one_line(node.text)}"'


def _boolean(node: Node) -> Read:
    if isinstance(node.value, bool):
        return node.value, None
    meant = resolve(node.value) if isinstance(node.value, str) else None
    if isinstance(meant, bool):
        return meant, "must be true or false, not a string: remove the quotes"
    return ABSENT, f"must be true or false, not {_shown(node)}"


def _integer(node: Node, bits: int, expected: str) -> Read:
    meant = resolve(node.value) if isinstance(node.value, str) else node.value
    if type(meant) is not int:
        return ABSENT, f"must be {expected}, not {_shown(node)}"
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    if not lowest <= meant <= highest:
        return ABSENT, f"is out of range, must be between {lowest} and {highest}"
    quoted = isinstance(node.value, str)
    return meant, "must be an integer, not a string: remove the quotes" if quoted else None


def _quantity(node: Node) -> Read:
    if isinstance(node.value, bool) or not isinstance(node.value, str | int | float):
        return ABSENT, _A_QUANTITY
    try:
        return Quantity.parse(node.value), None
    except QuantityError as error:
        return ABSENT, str(error)


def _time(node: Node) -> Read:
    try:
        return checked_time(node.value if isinstance(node.value, str) else ""), None
    except ValueError as error:
        return ABSENT, str(error)


def _shown(node: Node) -> str:
    if isinstance(node.value, list | dict | bool) or node.value is None:
        return kind_of(node)
    return f'"{one_line(node.text)}"' if isinstance(node.value, str) else node.text
