"""Pods as `get pods` shows them: a table, or the objects themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from hostpod.cli.summary import age, summarize
from hostpod.cli.table import Table
from hostpod.host import clock

JsonObject = Mapping[str, Any]

_HEADERS = ("NAME", "READY", "STATUS", "RESTARTS", "AGE")
_WIDE_HEADERS = ("IP", "NODE", "NOMINATED NODE", "READINESS GATES")


class TableView:
    """A line a pod."""

    def __init__(self, *, wide: bool, namespaces: bool, headers: bool) -> None:
        self._wide, self._namespaces, self._headers = wide, namespaces, headers
        names = (("NAMESPACE",) if namespaces else ()) + _HEADERS + (_WIDE_HEADERS if wide else ())
        self._table = Table(names)

    def first(self, pods: Sequence[JsonObject], *, single: bool) -> None:  # noqa: ARG002 - the views are alike
        """What there is now."""
        if pods:
            rows = [self._row(pod) for pod in pods]
            lines = self._table.head(rows) if self._headers else self._table.lines(rows)
            self._headers = False
            click.echo("\n".join(lines))

    def next(self, pod: JsonObject) -> None:
        """What has changed."""
        self.first([pod], single=True)

    def _row(self, pod: JsonObject) -> tuple[str, ...]:
        row = pod_row(pod, now=clock.now(), wide=self._wide)
        return (pod["metadata"].get("namespace", ""), *row) if self._namespaces else row


def pod_row(pod: JsonObject, *, now: float, wide: bool) -> tuple[str, ...]:
    """The cells of a pod below NAME READY STATUS RESTARTS AGE, and those of -o wide."""
    summary, status, spec = summarize(pod), pod.get("status", {}), pod["spec"]
    ready = f"{summary.ready}/{summary.containers}"
    cells = (pod["metadata"]["name"], ready, summary.status, summary.restarts_text(now), age(pod, now))
    if not wide:
        return cells
    addresses = (status.get("podIP") or "<none>", spec.get("nodeName") or "<none>", "<none>")
    return (*cells, *addresses, _gates(spec, status))


def _gates(spec: JsonObject, status: JsonObject) -> str:
    gates = [gate["conditionType"] for gate in spec.get("readinessGates", [])]
    met = {each["type"] for each in status.get("conditions", []) if each["status"] == "True"}
    return f"{len(met.intersection(gates))}/{len(gates)}" if gates else "<none>"


class ObjectView:
    """json, yaml and name: a pod as it is."""

    def __init__(self, write: Callable[[JsonObject], str], *, lists: bool) -> None:
        self._write, self._lists = write, lists

    def first(self, pods: Sequence[JsonObject], *, single: bool) -> None:
        """What there is now: one object, or a list."""
        items = [{"apiVersion": "v1", "kind": "Pod", **pod} for pod in pods]
        if single or not self._lists:
            for pod in items:
                click.echo(self._write(pod))
            return
        click.echo(self._write({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {}}))

    def next(self, pod: JsonObject) -> None:
        """What has changed."""
        self.first([pod], single=True)


def view_of(output: str | None, *, all_namespaces: bool, no_headers: bool) -> TableView | ObjectView:
    """The view for a value of --output."""
    if output == "json":
        return ObjectView(lambda value: json.dumps(value, indent=4, sort_keys=True, ensure_ascii=False), lists=True)
    if output == "yaml":
        return ObjectView(_yaml, lists=True)
    if output == "name":
        return ObjectView(lambda pod: f"pod/{pod['metadata']['name']}", lists=False)
    return TableView(wide=output == "wide", namespaces=all_namespaces, headers=not no_headers)


def _yaml(value: JsonObject) -> str:
    import yaml  # noqa: PLC0415 - 20 ms that only this form needs

    text: str = yaml.dump(value, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), allow_unicode=True)
    return text.rstrip("\n")
