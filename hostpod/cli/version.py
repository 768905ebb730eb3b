"""hostpod version."""

from __future__ import annotations

import click

from hostpod import __version__


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"hostpod {__version__}")
