"""How a command says that it could not be done."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import click

INTERRUPTED = 130  # 128 + SIGINT, as shells count


NOT_FOUND = "NotFound"


class Failure(click.ClickException):
    """Shown as `error: …` on stderr; the command's exit code is 1."""

    head = "error"

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message."""
        click.echo(f"{self.head}: {self.message}", file=file, err=file is None)


class Refusal(Failure):
    """What the daemon answers instead of doing it; `reason` is that of its Status.

    Scripts look for kubectl's `Error from server (NotFound)`.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        if reason == NOT_FOUND:
            self.head = f"Error from server ({reason})"


def raise_all(failures: Sequence[Failure]) -> None:
    """Tell every failure, where there is any, and raise the last one."""
    for failure in failures[:-1]:
        failure.show()
    for failure in failures[-1:]:
        raise failure


@contextmanager
def until_interrupted() -> Iterator[None]:
    """The block may be left by Ctrl-C, which is how a watch is meant to end."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
