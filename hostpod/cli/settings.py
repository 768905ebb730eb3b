"""The settings, for the commands that need them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hostpod.cli.failure import Failure

if TYPE_CHECKING:
    from hostpod.config import Config


def read_settings(path: Path | None) -> Config:
    """The settings of a file or the default one. Tells every problem on stderr and raises Failure."""
    from hostpod.config import ConfigError, load_config  # noqa: PLC0415 - 100 ms that other commands do not pay

    try:
        return load_config(path)
    except ConfigError as error:
        click.echo(str(error), err=True)
        raise Failure("the settings cannot be used") from None
