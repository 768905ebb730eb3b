"""hostpod serve."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

import click

from hostpod.cli.failure import Failure
from hostpod.cli.settings import read_settings

_EXAMPLES = """\b
Examples:
  sudo hostpod serve                         with /etc/hostpod/hostpod.yaml
  hostpod serve --config ./hostpod.yaml      with other settings
"""


@click.command(epilog=_EXAMPLES)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Settings instead of the default file.")
def serve(config: Path | None) -> None:
    """Run the daemon, in the foreground: it watches the manifests directory and runs what is there."""
    settings = read_settings(config)
    if os.geteuid() != 0:
        raise Failure("hostpod serve needs root: it makes namespaces, mounts and control groups (sudo hostpod serve)")
    from hostpod.config import load_config  # noqa: PLC0415 - read already
    from hostpod.daemon.serve import serve as run  # noqa: PLC0415 - the whole daemon

    sys.exit(run(settings, partial(load_config, config)))
