"""hostpod drain."""

from __future__ import annotations

import os
from pathlib import Path

import click

from hostpod.cli.failure import Failure
from hostpod.cli.settings import read_settings

_EXAMPLES = """\b
Examples:
  sudo systemctl stop hostpod hostpod.socket hostpod-readonly.socket && sudo hostpod drain
"""


@click.command(epilog=_EXAMPLES)
@click.option("--config", metavar="FILE", type=click.Path(path_type=Path), help="Settings instead of the default file.")
def drain(config: Path | None) -> None:
    """End every pod while no daemon runs, and take away the network and control groups that pods stand on.

    Pods end in order of their priority, each with its grace period. Images and manifests stay: the next daemon starts
    the pods again.
    """
    settings = read_settings(config)
    if os.geteuid() != 0:
        raise Failure("hostpod drain needs root: it ends what root started (sudo hostpod drain)")
    from hostpod.daemon.drain import DrainError  # noqa: PLC0415 - the whole daemon
    from hostpod.daemon.drain import drain as run  # noqa: PLC0415

    try:
        drained = run(settings, click.echo)
    except DrainError as error:
        raise Failure(f"cannot drain this host: {error}") from error
    if drained.left:
        raise Failure(
            f"these pods did not end within their grace period: {', '.join(drained.left)}; look at what is said above, "
            "and call hostpod drain again"
        )
    if drained.strays:
        raise Failure(
            f"of earlier pods something could not be removed: {', '.join(drained.strays)}; look at what is said above, "
            "and call hostpod drain again"
        )
