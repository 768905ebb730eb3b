"""hostpod get pods."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

from hostpod.cli.daemon_client import Daemon
from hostpod.cli.failure import Failure, until_interrupted
from hostpod.cli.options import all_namespaces, asks_daemon, complete_pods, namespace, pod_name
from hostpod.cli.selector import SelectorError, matches
from hostpod.cli.summary import age, summarize
from hostpod.cli.table import Table, printable
from hostpod.host import clock
from hostpod.server.names import pod_not_found, resolve_pod_name

JsonObject = Mapping[str, Any]

_HEADERS = ("NAME", "READY", "STATUS", "RESTARTS", "AGE")
_WIDE_HEADERS = ("IP", "NODE", "NOMINATED NODE", "READINESS GATES")
_EXAMPLES = """\b
Examples:
  hostpod get pods                  all pods
  hostpod get pods -o wide          with their addresses
  hostpod get pods web -o yaml      one pod, everything about it
  hostpod get pods -l app=web -w    pods with a label, and every change of them
"""


class _Aliases(click.Group):
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, "pods" if cmd_name in {"pod", "po"} else cmd_name)


@click.group(cls=_Aliases)
def get() -> None:
    """List pods: what runs here and how it is."""


@get.command(epilog=_EXAMPLES)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_pods)
@click.option("-o", "--output", type=click.Choice(["wide", "json", "yaml", "name"]), help="Form of the output.")
@click.option("-w", "--watch", is_flag=True, help="Go on and show every change.")
@click.option("-l", "--selector", default="", metavar="LABELS", help="Only pods with these labels: app=web,!old.")
@click.option("--no-headers", is_flag=True, help="Leave the header out.")
@namespace
@all_namespaces
@asks_daemon
def pods(
    daemon: Daemon,
    *,
    names: Sequence[str],
    output: str | None,
    watch: bool,
    selector: str,
    no_headers: bool,
    namespace: str,
    all_namespaces: bool,
) -> None:
    """List pods, and what is wrong with manifests."""
    items = daemon.get("pods")["items"]
    wanted = _Wanted(
        namespace=None if all_namespaces else namespace,
        names=_full_names(daemon, items, [pod_name(name) for name in names], namespace),
        selector=selector,
    )
    chosen = [pod for pod in items if wanted.has(pod)]
    view = _view(output, all_namespaces=all_namespaces, no_headers=no_headers)
    view.first(chosen, single=len(names) == 1)
    _tell(daemon, wanted, empty=not items or not chosen)
    if watch:
        with until_interrupted():
            for pod in _changes(daemon, chosen, wanted):
                view.next(pod)


class _Wanted:
    """Which pods were asked for."""

    def __init__(self, *, namespace: str | None, names: Sequence[str], selector: str) -> None:
        self.namespace, self.names, self._selector = namespace, names, selector

    def has(self, pod: JsonObject) -> bool:
        metadata = pod["metadata"]
        if self.namespace is not None and metadata.get("namespace") != self.namespace:
            return False
        if self.names and metadata["name"] not in self.names:
            return False
        try:
            return matches(self._selector, metadata.get("labels", {}))
        except SelectorError as error:
            raise Failure(str(error)) from error


def _full_names(daemon: Daemon, items: Sequence[JsonObject], names: Sequence[str], namespace: str) -> list[str]:
    if not names:
        return []
    node_name = daemon.get("version")["nodeName"]
    existing = [pod["metadata"]["name"] for pod in items if pod["metadata"].get("namespace") == namespace]
    full = [resolve_pod_name(name, existing, node_name=node_name) for name in names]
    missing = [
        pod_not_found(items, namespace=namespace, name=name, node_name=node_name)
        for name, found in zip(names, full, strict=True)
        if found is None
    ]
    if missing:
        raise Failure("\nerror: ".join(missing))
    return [name for name in full if name is not None]


def _changes(daemon: Daemon, shown: Sequence[JsonObject], wanted: _Wanted) -> Iterator[JsonObject]:
    """What the watch tells beyond what is shown already."""
    for event in daemon.watch("pods"):
        pod = event["object"]
        if wanted.has(pod) and not (event["type"] == "ADDED" and pod in shown):
            yield pod


def _tell(daemon: Daemon, wanted: _Wanted, *, empty: bool) -> None:
    if empty:
        where = f" in {wanted.namespace} namespace" if wanted.namespace is not None else ""
        click.echo(f"No resources found{where}.", err=True)
    problems = [
        problem
        for problem in daemon.get("problems")["items"]
        if not wanted.names or not kept_pods(problem).isdisjoint(wanted.names)
    ]
    if problems:
        click.echo("\nProblems in manifests:", err=True)
    for problem in problems:
        click.echo(f"  {problem_line(problem)}", err=True)


def problem_line(problem: JsonObject) -> str:
    """`FILE:LINE: FIELD: message`, and what became of the pod."""
    place = ":".join(str(problem[key]) for key in ("file", "line") if problem.get(key))
    field = f"{problem['path']}: " if problem.get("path") else ""
    return printable(f"{place}: {field}{problem['message']}{_consequence(problem)}")


def kept_pods(problem: JsonObject) -> set[str]:
    """The pods that go on as the manifest said before."""
    return set(filter(None, (problem.get("keptPod") or "").split(", ")))


def _consequence(problem: JsonObject) -> str:
    kept = sorted(kept_pods(problem))
    if len(kept) > 1:
        return f" (pods {', '.join(kept)} go on as they were)"
    return f" (pod {kept[0]} goes on as it was)" if kept else ""


class _TableView:
    def __init__(self, *, wide: bool, namespaces: bool, headers: bool) -> None:
        self._wide, self._namespaces, self._headers = wide, namespaces, headers
        names = (("NAMESPACE",) if namespaces else ()) + _HEADERS + (_WIDE_HEADERS if wide else ())
        self._table = Table(names)

    def first(self, pods: Sequence[JsonObject], *, single: bool) -> None:  # noqa: ARG002 - the views are alike
        if pods:
            rows = [self._row(pod) for pod in pods]
            lines = self._table.head(rows) if self._headers else self._table.lines(rows)
            self._headers = False
            click.echo("\n".join(lines))

    def next(self, pod: JsonObject) -> None:
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


class _ObjectView:
    """json, yaml and name: a pod as it is."""

    def __init__(self, write: Callable[[JsonObject], str], *, lists: bool) -> None:
        self._write, self._lists = write, lists

    def first(self, pods: Sequence[JsonObject], *, single: bool) -> None:
        items = [{"apiVersion": "v1", "kind": "Pod", **pod} for pod in pods]
        if single or not self._lists:
            for pod in items:
                click.echo(self._write(pod))
            return
        click.echo(self._write({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {}}))

    def next(self, pod: JsonObject) -> None:
        self.first([pod], single=True)


def _view(output: str | None, *, all_namespaces: bool, no_headers: bool) -> _TableView | _ObjectView:
    if output == "json":
        return _ObjectView(lambda value: json.dumps(value, indent=4, sort_keys=True, ensure_ascii=False), lists=True)
    if output == "yaml":
        return _ObjectView(_yaml, lists=True)
    if output == "name":
        return _ObjectView(lambda pod: f"pod/{pod['metadata']['name']}", lists=False)
    return _TableView(wide=output == "wide", namespaces=all_namespaces, headers=not no_headers)


def _yaml(value: JsonObject) -> str:
    import yaml  # noqa: PLC0415 - 20 ms that only this form needs

    text: str = yaml.dump(value, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), allow_unicode=True)
    return text.rstrip("\n")
