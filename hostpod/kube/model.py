"""What all Kubernetes values share: strictness, the scalar types of the API, and printing as the kubelet prints.

May live here: the base class, type aliases, to_json. Values themselves live in the other modules of this package.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict

from hostpod.kube.quantity import Quantity

T = TypeVar("T")

_RFC3339 = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII
)


def checked_time(text: str) -> str:
    """The text, where it is a time as RFC 3339 writes it; ValueError otherwise."""
    if _RFC3339.fullmatch(text) is None:
        raise ValueError("must be a time such as 2026-11-21T03:51:35Z")
    return text


Int32 = Annotated[int, Field(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
IntOrString = Int32 | str
Time = Annotated[str, AfterValidator(checked_time)]
"""RFC 3339 with whole seconds (`2026-11-21T03:51:35Z`)."""
MicroTime = Annotated[str, AfterValidator(checked_time)]
"""RFC 3339 with microseconds (`2026-11-21T03:51:35.123456Z`)."""
Items = Annotated[tuple[T, ...], Strict(strict=False)]
"""A JSON array: a tuple here, a list is taken as well."""
Strings = Items[str]
StringMap = Mapping[str, str]
ResourceList = Mapping[str, Quantity]


class KubeModel(BaseModel):
    """A Kubernetes value: frozen, strict as JSON is, snake_case here and camelCase outside.

    What is absent is None, () or {}. `printed_zeros` names the optional scalars that are pointers in Go, so that false,
    0 and "" are printed; `printed_nulls` the times that are printed as null when they are absent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True, defer_build=True)

    printed_zeros: ClassVar[frozenset[str]] = frozenset()
    printed_nulls: ClassVar[frozenset[str]] = frozenset()


def to_json(model: KubeModel) -> dict[str, Any]:
    """The value as JSON data, by the names and with the omissions of the kubelet's own output."""
    aliases, always, nulls = _printing(type(model))
    printed: dict[str, Any] = {}
    for attribute, value in model.__dict__.items():
        if value is None:
            if attribute in nulls:
                printed[aliases[attribute]] = None
        elif value or attribute in always or isinstance(value, KubeModel):
            printed[aliases[attribute]] = _plain(value)
    return printed


def _plain(value: object) -> Any:
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, KubeModel):
        return to_json(value)
    if isinstance(value, Quantity):
        return value.text
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value]  # type: ignore[attr-defined]  # what is left are tuples


@cache
def _printing(kind: type[KubeModel]) -> tuple[Mapping[str, str], frozenset[str], frozenset[str]]:
    fields = kind.model_fields
    aliases = {name: field.alias or name for name, field in fields.items()}
    required = {name for name, field in fields.items() if field.is_required()}
    return aliases, kind.printed_zeros | required, kind.printed_nulls
