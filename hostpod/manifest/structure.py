"""A tree against the shape of a model: known fields, right types, required fields.

Everything wrong is found in one walk. What can be repaired is, and what cannot is left out, so that the data that
comes out always fits the model and the rules of Kubernetes run on it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from hostpod.kube import Container, KubeModel, ObjectMeta, Pod, PodSpec
from hostpod.manifest.place import Finding, Path, Place
from hostpod.manifest.shapes import Shape, fields_of
from hostpod.manifest.tree import Node
from hostpod.manifest.typed_scalars import ABSENT, kind_of, read_scalar

_ZEROS: Mapping[str, object] = {"list": (), "string": "", "boolean": False, "time": ABSENT, "quantity": 0}
_HOMES: tuple[tuple[str, type[KubeModel]], ...] = (
    ("metadata", ObjectMeta),
    ("spec", PodSpec),
    ("a container", Container),
    ("the top level", Pod),
)


class StructureReader:
    """Reads objects; `findings` is what is wrong, `meant` the known fields that unknown ones stand for."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.meant: set[Path] = set()

    def _report(self, place: Place, path: Path, message: str) -> None:
        self.findings.append(Finding(place, path, message))

    def read_object(self, node: Node, model: type[KubeModel], path: Path) -> dict[str, object]:
        """Data that fits the model, by the names of the manifest; the node is a mapping."""
        fields = fields_of(model)
        data: dict[str, object] = {}
        for key, child in node.mapping().items():
            name = key if key in fields else self._meant_by(node, key, model, path)
            if name is not None and child.value is not None:
                data[name] = self._read(child, fields[name], (*path, key), entry_place(node, key))
        for name, shape in fields.items():
            if shape.required and name not in data:
                place = entry_place(node, name) if name in node.keys else node.place
                self._report(place, (*path, name), "is missing, it must be set")
                data[name] = ABSENT
        return {
            name: _zero(fields[name]) if value is ABSENT else value
            for name, value in data.items()
            if value is not ABSENT or fields[name].required
        }

    def _read(self, node: Node, shape: Shape, path: Path, place: Place) -> object:
        if shape.kind == "any":
            return plain(node)
        if shape.kind == "list":
            return self._list(node, shape, path, place)
        if shape.kind in ("map", "object"):
            return self._fields(node, shape, path, place)
        value, complaint = read_scalar(node, shape)
        if complaint is not None:
            self._report(place, path, complaint)
        return value

    def _fields(self, node: Node, shape: Shape, path: Path, place: Place) -> object:
        if not isinstance(node.value, dict):
            advice = ': remove the "- "' if isinstance(node.value, list) else ""
            self._report(place, path, f"must be an object with fields, not {kind_of(node)}{advice}")
            return ABSENT
        return self._map(node, shape, path) if shape.model is None else self.read_object(node, shape.model, path)

    def _map(self, node: Node, shape: Shape, path: Path) -> dict[str, object]:
        assert shape.item is not None
        data: dict[str, object] = {}
        for key, child in node.mapping().items():
            if child.value is None and shape.item.kind == "string":
                data[key] = ""
                continue
            value = self._read(child, shape.item, (*path, key), entry_place(node, key))
            if value is not ABSENT:
                data[key] = value
        return data

    def _list(self, node: Node, shape: Shape, path: Path, place: Place) -> object:
        assert shape.item is not None
        if not isinstance(node.value, list):
            self._report(place, path, f'must be a list, not {kind_of(node)}: begin each entry with "- "')
            return ABSENT
        return tuple(self._item(child, shape.item, (*path, index)) for index, child in enumerate(node.sequence()))

    def _item(self, node: Node, shape: Shape, path: Path) -> object:
        if node.value is None:
            self._report(node.place, path, 'is empty, write a value or remove the "-"')
            return _zero(shape)
        value = self._read(node, shape, path, node.place)
        return _zero(shape) if value is ABSENT else value

    def _meant_by(self, node: Node, key: str, model: type[KubeModel], path: Path) -> str | None:
        """Reports an unknown field; the known one that it stands for, where that is plain and free."""
        home = next((name for name, owner in _HOMES if key in fields_of(owner) and owner is not model), None)
        close = closest(key, fields_of(model))
        if close is not None:
            self._report(node.keys[key], (*path, key), f'unknown field, did you mean "{close}"?')
        elif home is not None:
            self._report(node.keys[key], (*path, key), f"unknown field here, it belongs to {home}")
        else:
            self._report(node.keys[key], (*path, key), "unknown field, remove it")
        if close is None or close in node.keys:
            return None
        self.meant.add((*path, close))
        return close


def locate(node: Node, path: Path) -> Place:
    """Where a field is, or the nearest of the fields around it that is there."""
    place = node.place
    for step in path:
        if isinstance(step, str) and step in node.keys:
            place, node = entry_place(node, step), node.mapping()[step]
        elif isinstance(step, int) and step < len(node.sequence()):
            node = node.sequence()[step]
            place = node.place
        else:
            break
    return place


def entry_place(node: Node, key: str) -> Place:
    """Where an entry is: at its value, or at its key where the value begins on another line."""
    key_place, value_place = node.keys[key], node.mapping()[key].place
    return value_place if value_place.line == key_place.line else key_place


def closest(word: str, known: Mapping[str, object]) -> str | None:
    """The known word that somebody meant who wrote another."""
    by_letters = {name.lower(): name for name in known}
    letters = "".join(character for character in word.lower() if character.isalnum())
    found = difflib.get_close_matches(letters, by_letters, n=1, cutoff=0.75) if len(letters) < 100 else []
    return by_letters[found[0]] if found else None


def plain(node: Node) -> object:
    """Any value without its places."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def _zero(shape: Shape) -> object:
    if shape.model is not None:
        return {name: _zero(field) for name, field in fields_of(shape.model).items() if field.required}
    return {} if shape.kind in ("map", "any") else _ZEROS.get(shape.kind, 0)
