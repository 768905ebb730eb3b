"""hostpod validate."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from hostpod.cli.failure import Failure
from hostpod.cli.table import printable

if TYPE_CHECKING:
    from hostpod.manifest import Parsed, Problem

_EXAMPLES = """\b
Examples:
  hostpod validate web.yaml                    one file
  hostpod validate /etc/hostpod/manifests -v   a directory, and what has no effect on one host
  hostpod validate web.yaml -o json            for programs
"""


@click.command(epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("-v", "--verbose", is_flag=True, help="Also say what is accepted and has no effect on one host.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form of the output.")
def validate(paths: Sequence[Path], *, verbose: bool, output: str) -> None:
    """Check manifests, files or whole directories: every problem in one go, one a line on stderr.

    It needs no daemon. The exit code is 1 when there are problems.
    """
    from hostpod.manifest import parse_manifest  # noqa: PLC0415 - the models take longer than the rest of the command
    from hostpod.sources.files import is_manifest  # noqa: PLC0415 - loads the models too

    checked: list[_Checked] = []
    for path in paths:
        names = sorted(each for each in path.iterdir() if is_manifest(each.name)) if path.is_dir() else [path]
        files = [each for each in names if each.is_file() or each == path]
        together = {str(file): parse_manifest(_content(file), file=str(file)) for file in files}
        checked += _checked(together, one_directory=path.is_dir())
    if output == "json":
        click.echo(json.dumps([_as_json(each) for each in checked], indent=4))
    else:
        _show(checked, verbose=verbose)
    sys.exit(1 if any(each.problems for each in checked) else 0)


class _Checked(NamedTuple):
    file: str
    parsed: Parsed
    problems: Sequence[Problem]


def _checked(together: Mapping[str, Parsed], *, one_directory: bool) -> Iterator[_Checked]:
    """With every file the problems of its own, and those it has with the files beside it."""
    repeated = _repeated(together) if one_directory else []
    for file, parsed in together.items():
        yield _Checked(file, parsed, (*parsed.problems, *(problem for problem in repeated if problem.file == file)))


def _repeated(together: Mapping[str, Parsed]) -> list[Problem]:
    from hostpod.sources.snapshot import FileState, SourcedPod, combined  # noqa: PLC0415 - loads the models

    states = {
        file: FileState(
            pods=tuple(SourcedPod(pod=each.pod, file=file, line=each.line, seen_at=0) for each in parsed.pods)
        )
        for file, parsed in together.items()
    }
    return [each.problem for each in combined(states).problems]


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Failure(f"cannot read {file}: {error.strerror}") from error


def _show(checked: Sequence[_Checked], *, verbose: bool) -> None:
    for file, parsed, problems in checked:
        for problem in problems:
            click.echo(printable(str(problem)), err=True)
        if verbose:
            for note in parsed.notes:
                click.echo(printable(f"{file}:{note.line}: {note.path}: {note.note}"))
            names = ", ".join(each.pod.name for each in parsed.pods)
            click.echo(
                printable(f"{file}: {f'pods without problems: {names}' if names else 'no pod without problems'}")
            )


def _as_json(checked: _Checked) -> dict[str, Any]:
    return {
        "file": checked.file,
        "pods": [each.pod.name for each in checked.parsed.pods],
        "problems": [asdict(problem) for problem in checked.problems],
        "notes": [note._asdict() for note in checked.parsed.notes],
    }
