"""hostpod events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from hostpod.cli.daemon_client import Daemon
from hostpod.cli.events_table import HEADERS, by_last_time, event_row
from hostpod.cli.events_wanted import WantedEvents, asked_object, asked_types
from hostpod.cli.failure import until_interrupted
from hostpod.cli.objects_view import OBJECT_FORMS, Form, ObjectView
from hostpod.cli.options import all_namespaces, asks_daemon, complete_pods, namespace
from hostpod.cli.table import Table
from hostpod.host import clock

JsonObject = Mapping[str, Any]

_EXAMPLES = """\b
Examples:
  hostpod events                      what happened, oldest first
  hostpod events -w                   and what happens from now on
  hostpod events --for web            to one pod
  hostpod events --for file/web.yaml  what is wrong with a manifest
  hostpod events --types Warning -A   what went wrong, in every namespace
"""


@click.command(epilog=_EXAMPLES)
@click.option("-w", "--watch", is_flag=True, help="Go on and show every new one.")
@click.option(
    "--for",
    "about",
    default="",
    metavar="OBJECT",
    shell_complete=complete_pods,
    help="Only those about a pod (web, pod/web), a manifest (file/web.yaml) or the node (node/NAME).",
)
@click.option("--types", default="", metavar="TYPES", help="Only those of these types: Normal, Warning.")
@click.option("-o", "--output", type=click.Choice(OBJECT_FORMS), help="Form of the output; default: a table.")
@click.option("--no-headers", is_flag=True, help="Leave the header out.")
@namespace
@all_namespaces
@asks_daemon
def events(
    daemon: Daemon,
    *,
    watch: bool,
    about: str,
    types: str,
    output: Form | None,
    no_headers: bool,
    namespace: str,
    all_namespaces: bool,
) -> None:
    """List what happened to pods, manifests and the node, oldest first."""
    kind, name = asked_object(about)
    wanted = WantedEvents(
        namespace=None if all_namespaces else namespace, kind=kind, name=name, types=asked_types(types)
    )
    node_name = daemon.get("version")["nodeName"] if kind == "Pod" else ""

    def has(event: JsonObject) -> bool:
        return wanted.has(event, node_name=node_name)

    view = (
        ObjectView(output, kind="Event", streams=watch)
        if output
        else _TableView(namespaces=all_namespaces, headers=not no_headers)
    )
    listed = [event for event in by_last_time(daemon.get("events")["items"]) if has(event)]
    view.first(listed, single=False)
    if watch:
        _follow(daemon, listed, has, view)
    elif not listed:
        where = "" if all_namespaces else f" in {namespace} namespace"
        click.echo(f"No events found{where}.", err=True)


def _follow(
    daemon: Daemon, listed: Sequence[JsonObject], has: Callable[[JsonObject], bool], view: ObjectView | _TableView
) -> None:
    """Each that the watch tells of. It begins with all there are: so none is missed, and those shown are left out."""
    shown = {event["metadata"]["name"]: event for event in listed}
    with until_interrupted():
        for change in daemon.watch("events"):
            event = change["object"]
            if has(event) and shown.get(event["metadata"]["name"]) != event:
                view.next(event)


class _TableView:
    """A line an event."""

    def __init__(self, *, namespaces: bool, headers: bool) -> None:
        self._namespaces, self._headers = namespaces, headers
        self._table = Table((("NAMESPACE",) if namespaces else ()) + HEADERS)

    def first(self, events: Sequence[JsonObject], *, single: bool) -> None:  # noqa: ARG002 - the views are alike
        """What there is now."""
        if events:
            rows = [self._row(event) for event in events]
            lines = self._table.head(rows) if self._headers else self._table.lines(rows)
            self._headers = False
            click.echo("\n".join(lines))

    def next(self, event: JsonObject) -> None:
        """What happened now."""
        self.first([event], single=True)

    def _row(self, event: JsonObject) -> tuple[str, ...]:
        row = event_row(event, clock.now())
        return (event.get("involvedObject", {}).get("namespace", "default"), *row) if self._namespaces else row
