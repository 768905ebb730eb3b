"""How a command says that it could not be done."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

INTERRUPTED = 130  # 128 + SIGINT, as shells count


class Failure(click.ClickException):
    """Shown as `error: …` on stderr; the command's exit code is 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message."""
        click.echo(f"error: {self.message}", file=file, err=file is None)


class Refusal(Failure):
    """What the daemon answers instead of doing it; `reason` is that of its Status."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@contextmanager
def until_interrupted() -> Iterator[None]:
    """The block may be left by Ctrl-C, which is how a watch is meant to end."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
