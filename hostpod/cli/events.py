"""hostpod events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from hostpod.cli.daemon_client import Daemon
from hostpod.cli.events_table import HEADERS, by_last_time, event_row
from hostpod.cli.failure import until_interrupted
from hostpod.cli.options import all_namespaces, asks_daemon, namespace, pod_name
from hostpod.cli.table import Table
from hostpod.host import clock
from hostpod.server.names import resolve_pod_name

JsonObject = Mapping[str, Any]

_EXAMPLES = """\b
Examples:
  hostpod events                 what happened, oldest first
  hostpod events -w              and what happens from now on
  hostpod events --for web       to one pod
"""


@click.command(epilog=_EXAMPLES)
@click.option("-w", "--watch", is_flag=True, help="Go on and show every new one.")
@click.option("--for", "about", metavar="POD", help="Only those about a pod.")
@namespace
@all_namespaces
@asks_daemon
def events(daemon: Daemon, *, watch: bool, about: str | None, namespace: str, all_namespaces: bool) -> None:
    """List what happened to pods, oldest first."""
    node_name = daemon.get("version")["nodeName"] if about else ""

    def wanted(event: JsonObject) -> bool:
        about_pod = event.get("involvedObject", {})
        if not all_namespaces and about_pod.get("namespace", "default") != namespace:
            return False
        full = resolve_pod_name(pod_name(about), [about_pod.get("name", "")], node_name=node_name) if about else "any"
        return full is not None

    listed = [event for event in by_last_time(daemon.get("events")["items"]) if wanted(event)]
    table = Table((("NAMESPACE",) if all_namespaces else ()) + HEADERS)
    if listed:
        click.echo("\n".join(table.head([_row(event, namespaces=all_namespaces) for event in listed])))
    elif not watch:
        where = "" if all_namespaces else f" in {namespace} namespace"
        click.echo(f"No events found{where}.", err=True)
    if watch:
        with until_interrupted():
            for event in daemon.watch("events"):
                if wanted(event["object"]) and event["object"] not in listed:
                    rows = [_row(event["object"], namespaces=all_namespaces)]
                    click.echo("\n".join(table.lines(rows) if listed else table.head(rows)))
                    listed.append(event["object"])


def _row(event: JsonObject, *, namespaces: bool) -> tuple[str, ...]:
    row = event_row(event, clock.now())
    return (event.get("involvedObject", {}).get("namespace", ""), *row) if namespaces else row
