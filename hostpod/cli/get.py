"""hostpod get pods, hostpod get events, hostpod get volumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from hostpod.cli.daemon_client import Daemon
from hostpod.cli.events import events
from hostpod.cli.failure import NOT_FOUND, Failure, Refusal, raise_all, until_interrupted
from hostpod.cli.kinds import Kinds
from hostpod.cli.options import all_namespaces, asks_daemon, complete_pods, namespace, pod_name
from hostpod.cli.pods_view import view_of
from hostpod.cli.problems import kept_pods, problem_line
from hostpod.cli.selector import SelectorError, matches
from hostpod.cli.volumes import volumes
from hostpod.server.names import pod_not_found, resolve_pod_name

JsonObject = Mapping[str, Any]

_EXAMPLES = """\b
Examples:
  hostpod get pods                  all pods
  hostpod get pods -o wide          with their addresses
  hostpod get pod/web -o yaml       one pod, everything about it
  hostpod get pods -l app=web -w    pods with a label, and every change of them
"""


@click.group(cls=Kinds)
def get() -> None:
    """List pods, events, or volumes."""


get.add_command(events)
get.add_command(volumes)


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
    found, missing = _full_names(daemon, items, [pod_name(name) for name in names], namespace)
    if names and not found:
        raise_all(missing)
    wanted = _Wanted(namespace=None if all_namespaces else namespace, names=found, selector=selector)
    chosen = [pod for pod in items if wanted.has(pod)]
    view = view_of(output, all_namespaces=all_namespaces, no_headers=no_headers)
    view.first(chosen, single=len(names) == 1)
    _tell(daemon, wanted, empty=not items or not chosen)
    raise_all(missing)
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


def _full_names(
    daemon: Daemon, items: Sequence[JsonObject], names: Sequence[str], namespace: str
) -> tuple[list[str], list[Failure]]:
    """The pods that are meant, and what is to be said of those that are not there."""
    if not names:
        return [], []
    node_name = daemon.get("version")["nodeName"]
    existing = [pod["metadata"]["name"] for pod in items if pod["metadata"].get("namespace") == namespace]
    full = [resolve_pod_name(name, existing, node_name=node_name) for name in names]
    missing: list[Failure] = [
        Refusal(pod_not_found(items, namespace=namespace, name=name, node_name=node_name), reason=NOT_FOUND)
        for name, found in zip(names, full, strict=True)
        if found is None
    ]
    return [name for name in full if name is not None], missing


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
