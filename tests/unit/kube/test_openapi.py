"""The models know every field of Pod's closure in Kubernetes' OpenAPI file, with its type."""

from __future__ import annotations

import json
import os
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import pytest

import hostpod.kube as kube
from hostpod.kube import KubeModel, Quantity

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = Path(os.environ.get("HOSTPOD_REFERENCE", ROOT.parent / "shared" / "reference")) / "kubernetes-openapi.json"
ROOTS = ("Pod", "PodList", "Event", "ConfigMap", "Secret")
REQUIRED_HERE_ONLY = {("Pod", "spec")}

pytestmark = pytest.mark.skipif(not REFERENCE.exists(), reason=f"the Kubernetes OpenAPI file is absent: {REFERENCE}")


def definitions() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(REFERENCE.read_text())["definitions"]
    return loaded


def short(name: str) -> str:
    return name.rsplit(".", 1)[1]


def references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix("#/definitions/")
        for value in schema.values():
            yield from references(value)


def closure(known: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    waiting = [f"io.k8s.api.core.v1.{name}" for name in ROOTS]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            waiting += references(known[name].get("properties", {}))
    return [name for name in found if known[name].get("properties")]


def openapi_type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return short(schema["$ref"])
    if schema["type"] == "array":
        return f"[{openapi_type(schema['items'])}]"
    if schema["type"] == "object":
        return f"{{{openapi_type(schema['additionalProperties'])}}}"
    return str(schema.get("format") or schema["type"])


def bounds(metadata: tuple[Any, ...]) -> str | None:
    text = repr(metadata)
    return "int64" if str(2**63 - 1) in text else "int32" if str(2**31 - 1) in text else None


def model_type(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    """The type of a model's field in the words of openapi_type; times and base64 are strings to both."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return model_type(arguments[0], arguments[1:])
    if origin in (types.UnionType, Union):
        names = {model_type(part) for part in arguments if part is not type(None)}
        if names == {"int32", "string"}:
            return "IntOrString"
        (only,) = [part for part in arguments if part is not type(None)]
        return model_type(only, metadata)
    if origin is tuple:
        return f"[{model_type(arguments[0])}]"
    if origin is Mapping:
        return f"{{{model_type(arguments[1])}}}"
    if annotation is int:
        return bounds(metadata) or "unbounded int"
    return {str: "string", bool: "boolean", object: "any"}.get(annotation) or annotation.__name__


SAME = {"Time": "string", "MicroTime": "string", "{byte}": "{string}", "FieldsV1": "{any}"}


@pytest.mark.parametrize("name", closure(definitions()) if REFERENCE.exists() else [])
def test_model_agrees_with_kubernetes(name: str) -> None:
    schema = definitions()[name]
    model = getattr(kube, short(name))
    assert issubclass(model, KubeModel)
    fields = {field.alias or attribute: field for attribute, field in model.model_fields.items()}
    assert set(fields) == set(schema["properties"])
    for alias, field in fields.items():
        expected = openapi_type(schema["properties"][alias])
        assert model_type(field.annotation, tuple(field.metadata)) == SAME.get(expected, expected), alias
    required = {alias for alias, field in fields.items() if field.is_required()}
    extra = {alias for owner, alias in REQUIRED_HERE_ONLY if owner == short(name)}
    assert required == set(schema.get("required", ())) | extra


def test_quantities_are_quantities() -> None:
    assert model_type(kube.ResourceRequirements.model_fields["limits"].annotation) == "{Quantity}"
    assert model_type(Quantity) == "Quantity"


@pytest.mark.parametrize("name", [short(name) for name in closure(definitions())] if REFERENCE.exists() else [])
def test_what_is_printed_specially_exists(name: str) -> None:
    model: type[KubeModel] = getattr(kube, name)
    assert model.printed_zeros | model.printed_nulls <= set(model.model_fields)
