"""hostpod image verify: are images on this disk what was fetched?"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from hostpod.cli.daemon_client import Daemon
from hostpod.cli.failure import until_interrupted
from hostpod.cli.options import asks_daemon
from hostpod.cli.table import Table, printable

JsonObject = Mapping[str, Any]

_EXAMPLES = """\b
Examples:
  hostpod image verify                 all images
  hostpod image verify nginx -o json   one, for programs
"""
_HEADERS = ("IMAGE", "PARTS", "STATE")
# The worst of an image's parts is what the image is.
_WORST = ("lost", "corrupt", "mended", "noted", "ok")
_STAYS = ("lost", "corrupt")


@click.command(epilog=_EXAMPLES)
@click.argument("references", metavar="[IMAGE]...", nargs=-1)
@click.option("-o", "--output", type=click.Choice(["json"]), help="Form of the output.")
@asks_daemon
def verify(daemon: Daemon, *, references: Sequence[str], output: str | None) -> None:
    """Read images again and mend what is corrupt.

    Exits with 1 where something stays corrupt.
    """
    with until_interrupted():
        parts = list(daemon.lines("POST", "images", "verify", ref=references))
    if output:
        click.echo(json.dumps({"items": parts}, indent=2, ensure_ascii=False))
    elif parts:
        click.echo("\n".join(Table(_HEADERS).head(list(_rows(parts)))))
    else:
        click.echo("No images found.", err=True)
    for part in parts:
        if part["message"]:
            click.echo(printable(part["message"]), err=True)
    if any(part["state"] in _STAYS for part in parts):
        sys.exit(1)


def _rows(parts: Iterable[JsonObject]) -> Iterable[tuple[str, ...]]:
    states: dict[str, list[str]] = {}
    for part in parts:
        for name in part["images"]:
            states.setdefault(name, []).append(part["state"])
    for name in sorted(states):
        yield name, str(len(states[name])), min(states[name], key=_WORST.index)
