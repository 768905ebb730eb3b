"""hostpod get volumes: the storage that pods have claimed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from hostpod.cli.daemon_client import Daemon
from hostpod.cli.failure import NOT_FOUND, Failure, Refusal, raise_all
from hostpod.cli.images import size_text
from hostpod.cli.objects_view import OBJECT_FORMS, ObjectView
from hostpod.cli.options import all_namespaces, asks_daemon, namespace
from hostpod.cli.table import Table

JsonObject = Mapping[str, Any]

_HEADERS = ("NAME", "USED BY", "PATH")
_EXAMPLES = """\b
Examples:
  hostpod get volumes               all claims of the namespace, and which pods have them
  hostpod get volumes -o wide       with what is in them, which is counted now
  hostpod get volume data -o yaml   one claim
"""


@click.command(epilog=_EXAMPLES)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-o", "--output", type=click.Choice(["wide", "json", "yaml", "name"]), help="Form of the output.")
@click.option("--no-headers", is_flag=True, help="Leave the header out.")
@namespace
@all_namespaces
@asks_daemon
def volumes(
    daemon: Daemon, *, names: Sequence[str], output: str | None, no_headers: bool, namespace: str, all_namespaces: bool
) -> None:
    """List the storage that pods have claimed (persistentVolumeClaim). It stays when they go."""
    query = {} if all_namespaces else {"namespace": namespace}
    items = daemon.get("volumes", **query, **({"usage": "1"} if output == "wide" else {}))["items"]
    wanted = [name.rpartition("/")[2] for name in names]
    chosen = [item for item in items if not wanted or item["metadata"]["name"] in wanted]
    missing = _missing(wanted, chosen, namespace)
    form = next((form for form in OBJECT_FORMS if form == output), None)
    if form and (chosen or not missing):
        ObjectView(form, kind="Volume").first(chosen, single=len(names) == 1)
    elif chosen:
        table = Table((("NAMESPACE",) if all_namespaces else ()) + _HEADERS + (("SIZE",) if output == "wide" else ()))
        rows = [tuple(_cells(item, all_namespaces=all_namespaces)) for item in chosen]
        click.echo("\n".join(table.lines(rows) if no_headers else table.head(rows)))
    elif not missing:
        click.echo(f"No resources found{'' if all_namespaces else f' in {namespace} namespace'}.", err=True)
    raise_all(missing)


def _cells(item: JsonObject, *, all_namespaces: bool) -> Iterator[str]:
    if all_namespaces:
        yield item["metadata"]["namespace"]
    yield item["metadata"]["name"]
    yield ",".join(item["usedBy"]) or "<none>"
    yield item["path"]
    if "usedBytes" in item:
        yield size_text(item["usedBytes"])


def _missing(wanted: Sequence[str], chosen: Sequence[JsonObject], namespace: str) -> list[Failure]:
    there = {item["metadata"]["name"] for item in chosen}
    return [
        Refusal(f'volumes "{name}" not found in namespace "{namespace}"', reason=NOT_FOUND)
        for name in wanted
        if name not in there
    ]
