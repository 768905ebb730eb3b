"""Which fields of one manifest are not supported, and which have no effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, cast

from hostpod.kube import KubeModel, Pod
from hostpod.manifest.place import Path, one_line
from hostpod.manifest.shapes import attributes_of, fields_of
from hostpod.manifest.support import SUPPORT, Support

Kind = Literal["not supported", "no effect"]


class Remark(NamedTuple):
    """What is to say about one field."""

    kind: Kind
    path: Path
    message: str


def survey(data: Mapping[str, object], model: type[KubeModel] = Pod) -> Iterator[Remark]:
    """Remarks on the data of a pod or another object, as `structure` reads it."""
    yield from _object(data, model, ())


def _object(data: Mapping[str, object], model: type[KubeModel], path: Path) -> Iterator[Remark]:
    for name, value in data.items():
        support = SUPPORT[model][name]
        if _says_nothing(value, model, name):
            continue
        remark = _remark(support, value, (*path, name))
        if remark is not None:
            yield remark
        elif support.for_keys:
            yield from _keys(support, cast("Mapping[str, object]", value), (*path, name))
        else:
            yield from _below(value, model, name, path)


def _below(value: object, model: type[KubeModel], name: str, path: Path) -> Iterator[Remark]:
    shape = fields_of(model)[name]
    if shape.model is not None:
        yield from _object(cast("Mapping[str, object]", value), shape.model, (*path, name))
    elif shape.kind == "list" and shape.item is not None and shape.item.model is not None:
        for index, item in enumerate(cast("tuple[Mapping[str, object], ...]", value)):
            yield from _object(item, shape.item.model, (*path, name, index))


def _keys(support: Support, values: Mapping[str, object], path: Path) -> Iterator[Remark]:
    for key, value in values.items():
        remark = _remark(support.of_key(key), value, (*path, key))
        if remark is not None:
            yield remark


def _remark(support: Support, value: object, path: Path) -> Remark | None:
    if support.level == "not supported":
        return Remark("not supported", path, f"not supported by this version of hostpod, {support.note}")
    if support.values and value not in support.values:
        *others, last = (_written(choice) for choice in support.values)
        choices = f"{', '.join(others)} or {last}" if others else last
        return Remark(
            "not supported", path, f"{_written(value)} is not supported by this version of hostpod, write {choices}"
        )
    return Remark("no effect", path, support.note) if support.level == "meaningless" else None


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{one_line(str(value))}"'


def _says_nothing(value: object, model: type[KubeModel], name: str) -> bool:
    """An empty list or map, or a zero that Go cannot tell from an absent field, is as good as not there."""
    if fields_of(model)[name].kind == "object":
        return False
    return not value and attributes_of(model)[name] not in model.printed_zeros and not fields_of(model)[name].required
