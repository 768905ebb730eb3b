"""hostpod serve."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hostpod.cli.failure import Failure

_EXAMPLES = """\b
Examples:
  hostpod serve                              as root, with /etc/hostpod/hostpod.yaml
  hostpod serve --config ./hostpod.yaml      with other settings
"""


@click.command(epilog=_EXAMPLES)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Settings instead of the default file.")
def serve(config: Path | None) -> None:
    """Run the daemon, in the foreground: it watches the manifests directory and runs what is there."""
    from hostpod.config import ConfigError, load_config  # noqa: PLC0415 - 100 ms that other commands do not pay

    try:
        settings = load_config(config)
    except ConfigError as error:
        click.echo(str(error), err=True)
        raise Failure("the settings cannot be used") from None
    from hostpod import daemon  # noqa: PLC0415 - the whole daemon

    sys.exit(daemon.serve(settings))
