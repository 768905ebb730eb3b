"""hostpod describe pod."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from hostpod.cli.daemon_client import Daemon, JsonObject
from hostpod.cli.describe_pod import describe_pod
from hostpod.cli.events_table import events_about
from hostpod.cli.failure import Failure, Refusal, raise_all
from hostpod.cli.kinds import Kinds
from hostpod.cli.options import asks_daemon, complete_pods, namespace, pod_name
from hostpod.cli.problems import kept_pods, problem_line
from hostpod.host import clock

_EXAMPLES = """\b
Examples:
  hostpod describe pod web        state, containers, volumes and events of a pod
  hostpod describe pods           of all pods
"""


@click.group(cls=Kinds)
def describe() -> None:
    """Show everything about a pod, and its events."""


@describe.command(name="pods", epilog=_EXAMPLES)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_pods)
@namespace
@asks_daemon
def pod(daemon: Daemon, *, names: Sequence[str], namespace: str) -> None:
    """Show everything about a pod, and its events."""
    missing: list[Failure] = []
    if names:
        pods = list(_named(daemon, namespace, names, missing))
    else:
        pods = [each for each in daemon.get("pods")["items"] if each["metadata"].get("namespace") == namespace]
    if pods:
        _show(daemon, pods)
    elif not names:
        click.echo(f"No resources found in {namespace} namespace.", err=True)
    raise_all(missing)


def _named(daemon: Daemon, namespace: str, names: Sequence[str], missing: list[Failure]) -> Iterator[JsonObject]:
    for name in names:
        try:
            yield daemon.get("pods", namespace, pod_name(name))
        except Refusal as refusal:
            missing.append(refusal)


def _show(daemon: Daemon, pods: Sequence[JsonObject]) -> None:
    events = daemon.get("events")["items"]
    texts = [describe_pod(each, events_about(events, each), now=clock.now()) for each in pods]
    click.echo("\n\n".join(texts), nl=False)
    shown = {each["metadata"]["name"] for each in pods}
    for problem in daemon.get("problems")["items"]:
        if not kept_pods(problem).isdisjoint(shown):
            click.echo(problem_line(problem), err=True)
