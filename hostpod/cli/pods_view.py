"""Pods as `get pods` shows them: a table, or the objects themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from hostpod.cli.objects_view import OBJECT_FORMS, ObjectView
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


def view_of(output: str | None, *, all_namespaces: bool, no_headers: bool) -> TableView | ObjectView:
    """The view for a value of --output."""
    form = next((form for form in OBJECT_FORMS if form == output), None)
    if form:
        return ObjectView(form, kind="Pod")
    return TableView(wide=output == "wide", namespaces=all_namespaces, headers=not no_headers)
