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
from hostpod.cli.settings import read_settings
from hostpod.cli.table import printable

if TYPE_CHECKING:
    from hostpod.manifest import Parsed, Problem

_EXAMPLES = """\b
Examples:
  hostpod validate web.yaml                    one file
  helm template web | hostpod validate -       what another program writes
  hostpod validate /etc/hostpod/manifests -v   a directory, and what has no effect on one host
  hostpod validate web.yaml -o json            for programs
"""


@click.command(epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("-v", "--verbose", is_flag=True, help="Also say what is accepted and has no effect on one host.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form of the output.")
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Settings instead of the default file: manifests.maxBytes counts.",
)
def validate(paths: Sequence[Path], *, verbose: bool, output: str, config: Path | None) -> None:
    """Check manifests, files or whole directories: every problem in one go, one a line on stderr.

    A PATH of - is standard input. It needs no daemon. The exit code is 1 when there are problems.
    """
    from hostpod.cli.manifest_files import parsed_files  # noqa: PLC0415 - the models take longer than all the rest

    max_bytes = _max_bytes(config)
    checked: list[_Checked] = []
    for path in paths:
        try:
            together = parsed_files(path, max_bytes=max_bytes)
            checked += _checked(together, one_directory=path.is_dir())
        except OSError as error:
            raise Failure(f"cannot read {path}: {error.strerror or error}") from error
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


def _max_bytes(config: Path | None) -> int:
    """What the daemon would read at most. A mistake in its settings is not this command's business."""
    from hostpod.config import Config, ConfigError, load_config  # noqa: PLC0415 - 100 ms that others do not pay

    if config is not None:
        return read_settings(config).manifests.max_bytes
    try:
        return load_config().manifests.max_bytes
    except ConfigError:
        return Config().manifests.max_bytes


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
