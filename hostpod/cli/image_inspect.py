"""hostpod image inspect and hostpod image history."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from hostpod.cli.daemon_client import Daemon
from hostpod.cli.images import short_id, size_text
from hostpod.cli.options import asks_daemon
from hostpod.cli.table import Table
from hostpod.cli.times import since
from hostpod.host import clock

JsonObject = Mapping[str, Any]

_HEADERS = ("IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT")
_MISSING = "<missing>"
_COMMAND_WIDTH = 45  # docker's


@click.command()
@click.argument("reference", metavar="IMAGE")
@click.option(
    "-o", "--output", type=click.Choice(["json", "yaml"]), default="json", show_default=True, help="Form of the output."
)
@asks_daemon
def inspect(daemon: Daemon, *, reference: str, output: str) -> None:
    """Everything about an image: names, digests, layers, configuration, when it was used last, and by which pods."""
    image = daemon.get("images", "inspect", ref=reference)
    if output == "yaml":
        import yaml  # noqa: PLC0415 - 20 ms that only this form needs

        click.echo(yaml.safe_dump(image, allow_unicode=True).rstrip("\n"))
    else:
        click.echo(json.dumps(image, indent=4, sort_keys=True, ensure_ascii=False))


@click.command()
@click.argument("reference", metavar="IMAGE")
@click.option("--no-trunc", is_flag=True, help="Whole commands and ids.")
@asks_daemon
def history(daemon: Daemon, *, reference: str, no_trunc: bool) -> None:
    """How an image was made, the last step first; as its configuration tells it."""
    image = daemon.get("images", "inspect", ref=reference)
    rows = list(history_rows(image, clock.now(), whole=no_trunc))
    click.echo("\n".join(Table(_HEADERS).head(rows)))


def history_rows(image: JsonObject, now: float, *, whole: bool) -> Iterator[tuple[str, ...]]:
    """A row a step, as docker has them; without a history one a layer."""
    layers = [layer["sizeBytes"] for layer in image["layers"]]
    steps = list(image["history"])
    made = [step for step in steps if not step.get("empty_layer")]
    if len(made) != len(layers):  # it tells of other layers than there are: none of its sizes could be believed
        steps = [step for step in steps if step.get("empty_layer")] + [{} for _ in layers]
    sizes = iter(layers)
    rows = [_cells(step, 0 if step.get("empty_layer") else next(sizes), now, whole=whole) for step in steps]
    names = [image["id"] if whole else short_id(image["id"]), *([_MISSING] * len(rows))]
    for name, row in zip(names, reversed(rows), strict=False):
        yield (name, *row)


def _cells(step: JsonObject, size: int, now: float, *, whole: bool) -> tuple[str, ...]:
    command = str(step.get("created_by") or "")
    if not whole and len(command) > _COMMAND_WIDTH:
        command = command[: _COMMAND_WIDTH - 1] + "…"
    return since(step.get("created"), now), command, size_text(size), str(step.get("comment") or "")
