"""hostpod doctor."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hostpod.cli.settings import read_settings
from hostpod.cli.table import printable

if TYPE_CHECKING:
    from hostpod.host.check import Check

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_EXAMPLES = """\b
Examples:
  hostpod doctor                             look at everything
  hostpod doctor --config ./hostpod.yaml     for the directories and programs of other settings
"""


@click.command(epilog=_EXAMPLES)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Settings instead of the default file.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form of the output.")
def doctor(config: Path | None, *, output: str) -> None:
    """Check this host and say how to mend what is wrong. Nothing is changed; the daemon need not run.

    "warn" is what works less well than it could, "fail" is what keeps pods from running. The exit code is 1 when
    something fails.
    """
    from hostpod.host.doctor import collect  # noqa: PLC0415 - the daemon's modules, which others do not pay for

    checks = collect(read_settings(config))
    if output == "json":
        click.echo(json.dumps([asdict(check) for check in checks], indent=4))
    else:
        click.echo("\n".join(check_lines(checks)))
    sys.exit(1 if any(check.level == "fail" for check in checks) else 0)


def check_lines(checks: Sequence[Check]) -> Iterator[str]:
    """A line a check, and below it how to mend it."""
    width = max((len(check.name) for check in checks), default=0)
    for check in checks:
        level = click.style(check.level.ljust(4), fg=_COLOURS[check.level])
        yield f"{level}  {check.name.ljust(width)}  {printable(check.found)}"
        if check.mend:
            yield f"{'':{width + 8}}→ {printable(check.mend)}"
