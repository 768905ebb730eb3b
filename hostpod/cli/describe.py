"""hostpod describe pod."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hostpod.cli.daemon_client import Daemon
from hostpod.cli.describe_pod import describe_pod
from hostpod.cli.events_table import events_about
from hostpod.cli.options import asks_daemon, complete_pods, namespace, pod_name
from hostpod.cli.problems import kept_pods, problem_line
from hostpod.host import clock

_EXAMPLES = """\b
Examples:
  hostpod describe pod web        state, containers, volumes and events of a pod
  hostpod describe pod            of all pods
"""


class _Aliases(click.Group):
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, "pod" if cmd_name in {"pods", "po"} else cmd_name)


@click.group(cls=_Aliases)
def describe() -> None:
    """Show everything about a pod, and its events."""


@describe.command(epilog=_EXAMPLES)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_pods)
@namespace
@asks_daemon
def pod(daemon: Daemon, *, names: Sequence[str], namespace: str) -> None:
    """Show everything about a pod, and its events."""
    if names:
        pods = [daemon.get("pods", namespace, pod_name(name)) for name in names]
    else:
        pods = [each for each in daemon.get("pods")["items"] if each["metadata"].get("namespace") == namespace]
    if not pods:
        click.echo(f"No resources found in {namespace} namespace.", err=True)
        return
    events = daemon.get("events")["items"]
    texts = [describe_pod(each, events_about(events, each), now=clock.now()) for each in pods]
    click.echo("\n\n".join(texts), nl=False)
    shown = {each["metadata"]["name"] for each in pods}
    for problem in daemon.get("problems")["items"]:
        if not kept_pods(problem).isdisjoint(shown):
            click.echo(problem_line(problem), err=True)
