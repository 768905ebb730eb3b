"""hostpod serve."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hostpod.cli.settings import read_settings

_EXAMPLES = """\b
Examples:
  hostpod serve                              as root, with /etc/hostpod/hostpod.yaml
  hostpod serve --config ./hostpod.yaml      with other settings
"""


@click.command(epilog=_EXAMPLES)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Settings instead of the default file.")
def serve(config: Path | None) -> None:
    """Run the daemon, in the foreground: it watches the manifests directory and runs what is there."""
    settings = read_settings(config)
    from hostpod.daemon.serve import serve as run  # noqa: PLC0415 - the whole daemon

    sys.exit(run(settings))
