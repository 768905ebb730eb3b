"""hostpod serve."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hostpod.cli.failure import Failure
from hostpod.cli.settings import read_settings
from hostpod.daemon.turned_away import turned_away

if TYPE_CHECKING:
    from hostpod.config import Config

EXIT_CONFIG = 78  # EX_CONFIG of sysexits.h: systemd does not try again, as the file would say the same


class UnusableSettings(Failure):
    """The settings have mistakes, told already."""

    exit_code = EXIT_CONFIG


_EXAMPLES = """\b
Examples:
  sudo hostpod serve                         with /etc/hostpod/hostpod.yaml
  hostpod serve --config ./hostpod.yaml      with other settings
"""


@click.command(epilog=_EXAMPLES)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Settings instead of the default file.")
@turned_away()
def serve(config: Path | None) -> None:
    """Run the daemon, in the foreground: it watches the manifests directory and runs what is there."""
    settings = _settings(config)
    if os.geteuid() != 0:
        raise Failure("hostpod serve needs root: it makes namespaces, mounts and control groups (sudo hostpod serve)")
    from hostpod.config import load_config  # noqa: PLC0415 - read already
    from hostpod.daemon.serve import serve as run  # noqa: PLC0415 - the whole daemon

    sys.exit(run(settings, partial(load_config, config)))


def _settings(path: Path | None) -> Config:
    try:
        return read_settings(path)
    except Failure as failure:
        raise UnusableSettings(failure.message) from None
