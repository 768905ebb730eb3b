"""hostpod validate."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hostpod.cli.failure import Failure

if TYPE_CHECKING:
    from hostpod.manifest import Parsed

_EXAMPLES = """\b
Examples:
  hostpod validate web.yaml                    one file
  hostpod validate /etc/hostpod/manifests -v   a directory, and what has no effect on one host
  hostpod validate web.yaml -o json            for programs
"""
_SUFFIXES = frozenset({".yaml", ".yml", ".json", ""})


@click.command(epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("-v", "--verbose", is_flag=True, help="Also say what is accepted and has no effect on one host.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form of the output.")
def validate(paths: Sequence[Path], *, verbose: bool, output: str) -> None:
    """Check manifests: every problem of a file in one go, one a line on stderr. Needs no daemon.

    The exit code is 1 when there are problems.
    """
    from hostpod.manifest import parse_manifest  # noqa: PLC0415 - the models take longer than the rest of the command

    results = [(file, parse_manifest(_content(file), file=str(file))) for file in _files(paths)]
    if output == "json":
        click.echo(json.dumps([_as_json(file, parsed) for file, parsed in results], indent=4))
    else:
        _show(results, verbose=verbose)
    sys.exit(1 if any(parsed.problems for _, parsed in results) else 0)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """The paths themselves, and of directories what the daemon would read there."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        yield from sorted(
            each
            for each in path.iterdir()
            if each.is_file() and not each.name.startswith(".") and each.suffix in _SUFFIXES
        )


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Failure(f"cannot read {file}: {error.strerror}") from error


def _show(results: Sequence[tuple[Path, Parsed]], *, verbose: bool) -> None:
    for file, parsed in results:
        for problem in parsed.problems:
            click.echo(str(problem), err=True)
        if verbose:
            for note in parsed.notes:
                click.echo(f"{file}:{note.line}: {note.path}: {note.note}")
            names = ", ".join(each.pod.metadata.name or "" for each in parsed.pods)
            click.echo(f"{file}: {f'pods without problems: {names}' if names else 'no pod without problems'}")


def _as_json(file: Path, parsed: Parsed) -> dict[str, Any]:
    return {
        "file": str(file),
        "pods": [each.pod.metadata.name for each in parsed.pods],
        "problems": [asdict(problem) for problem in parsed.problems],
        "notes": [note._asdict() for note in parsed.notes],
    }
