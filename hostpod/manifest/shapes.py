"""The shape of every field, read from the models: what a manifest may hold at a place, in words as well."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from hostpod.kube import KubeModel, Quantity
from hostpod.kube.model import Time

Kind = Literal["object", "list", "map", "string", "boolean", "integer", "integer or string", "quantity", "time", "any"]

_TIME_CHECK = get_args(Time)[1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What a field holds: `model` of an object, `item` of a list or map, `bits` of an integer."""

    kind: Kind
    required: bool = False
    model: type[KubeModel] | None = None
    item: Shape | None = None
    bits: int = 0


@cache
def fields_of(model: type[KubeModel]) -> Mapping[str, Shape]:
    """The fields of an object by their names in a manifest."""
    return {info.alias or name: _of_field(info) for name, info in model.model_fields.items()}


@cache
def attributes_of(model: type[KubeModel]) -> Mapping[str, str]:
    """The names in a manifest to the attributes of the model."""
    return {info.alias or name: name for name, info in model.model_fields.items()}


def _of_field(info: FieldInfo) -> Shape:
    return _shape(info.annotation, tuple(info.metadata), required=info.is_required())


def _shape(annotation: Any, metadata: tuple[Any, ...] = (), *, required: bool = False) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _shape(arguments[0], arguments[1:], required=required)
    if origin in (types.UnionType, Union):
        return _union([part for part in arguments if part is not type(None)], metadata, required=required)
    if origin is tuple:
        return Shape(kind="list", item=_shape(arguments[0]), required=required)
    if origin is Mapping:
        return Shape(kind="map", item=_shape(arguments[1]), required=required)
    if isinstance(annotation, type) and issubclass(annotation, KubeModel):
        return Shape(kind="object", model=annotation, required=required)
    return Shape(kind=_scalar_kind(annotation, metadata), bits=_bits(metadata), required=required)


def _union(parts: list[Any], metadata: tuple[Any, ...], *, required: bool) -> Shape:
    if len(parts) > 1:
        return Shape(kind="integer or string", bits=32, required=required)
    return _shape(parts[0], metadata, required=required)


def _scalar_kind(annotation: Any, metadata: tuple[Any, ...]) -> Kind:
    if annotation is str and _TIME_CHECK in metadata:
        return "time"
    kinds: Mapping[Any, Kind] = {str: "string", bool: "boolean", int: "integer", Quantity: "quantity", object: "any"}
    return kinds[annotation]


def _bits(metadata: tuple[Any, ...]) -> int:
    return 64 if str(2**63 - 1) in repr(metadata) else 32
