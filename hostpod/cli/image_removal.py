"""hostpod image rm and hostpod image prune."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from hostpod.cli.daemon_client import Daemon
from hostpod.cli.failure import Failure, raise_all
from hostpod.cli.images import short_id, size_text
from hostpod.cli.options import asks_daemon
from hostpod.cli.table import printable

JsonObject = Mapping[str, Any]

_RM_EXAMPLES = """\b
Examples:
  hostpod image rm nginx:1.25 nginx:1.26
  hostpod image rm 0f4e5c...            by its whole id: with all its names
"""
_PRUNE_EXAMPLES = """\b
Examples:
  hostpod image prune                   images that have no tag and that no pod uses
  hostpod image prune --all             every image that no pod uses
  hostpod image prune --all --dry-run   what that would remove
"""


@click.command(epilog=_RM_EXAMPLES)
@click.argument("references", metavar="IMAGE...", nargs=-1, required=True)
@asks_daemon
def rm(daemon: Daemon, *, references: Sequence[str]) -> None:
    """Remove images that no pod uses. One that has other names loses only the name that is given."""
    failures = []
    for reference in references:
        try:
            answer = daemon.post({}, "images", "remove", ref=reference)
        except Failure as failure:
            failures.append(failure)
            continue
        for name in answer["untagged"]:
            click.echo(printable(f"Untagged: {name}"))
        if answer["removed"]:
            click.echo(printable(f"Deleted: {answer['removed']} ({size_text(answer['freedBytes'])} freed)"))
    raise_all(failures)


@click.command(epilog=_PRUNE_EXAMPLES)
@click.option("-a", "--all", "everything", is_flag=True, help="Also those that have a name.")
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@asks_daemon
def prune(daemon: Daemon, *, everything: bool, dry_run: bool) -> None:
    """Remove images that no pod uses; those that the setting images.pinned names stay."""
    query = {**({"all": "1"} if everything else {}), **({"dryRun": "1"} if dry_run else {})}
    answer = daemon.post({}, "images", "prune", **query)
    words, sum_words = ("Would delete", "Would free") if dry_run else ("Deleted", "Freed")
    for image in answer["images"]:
        click.echo(printable(f"{words}: {_named(image)}"))
    click.echo(f"{sum_words}: {size_text(answer['freedBytes'])} ({answer['freedBytes']} bytes)")


def _named(image: JsonObject) -> str:
    names = ", ".join(image["references"] or image.get("repoDigests") or [])
    return f"{names} ({short_id(image['id'])})" if names else str(image["id"])
