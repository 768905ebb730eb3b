"""Objects as they are: -o json, yaml and name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import click

JsonObject = Mapping[str, Any]

Form = Literal["json", "yaml", "name"]
OBJECT_FORMS: tuple[Form, ...] = get_args(Form)


class ObjectView:
    """Writes what there is as one list, unless it `streams` or shows names: then object after object."""

    def __init__(self, form: Form, *, kind: str, streams: bool = False) -> None:
        self._form, self._kind = form, kind
        self._lists = form != "name" and not streams

    def first(self, objects: Sequence[JsonObject], *, single: bool) -> None:
        """What there is now: one object, or a list."""
        items = [{"apiVersion": "v1", "kind": self._kind, **each} for each in objects]
        if single or not self._lists:
            for each in items:
                click.echo(self._text(each))
            return
        click.echo(self._text({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {}}))

    def next(self, changed: JsonObject) -> None:
        """What has changed."""
        self.first([changed], single=True)

    def _text(self, value: JsonObject) -> str:
        match self._form:
            case "json":
                return json.dumps(value, indent=4, sort_keys=True, ensure_ascii=False)
            case "yaml":
                return _yaml(value)
            case "name":
                return f"{self._kind.lower()}/{value['metadata']['name']}"


def _yaml(value: JsonObject) -> str:
    import yaml  # noqa: PLC0415 - 20 ms that only this form needs

    text: str = yaml.dump(value, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), allow_unicode=True)
    return text.rstrip("\n")
