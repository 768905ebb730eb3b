"""hostpod plan."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from hostpod.cli.daemon_client import Daemon
from hostpod.cli.failure import Failure
from hostpod.cli.options import asks_daemon
from hostpod.cli.plan_view import plan_lines
from hostpod.cli.problems import problem_line
from hostpod.cli.proposed_files import STDIN, GivenFile, given_files

PROBLEMS = 1
CHANGES = 2

_EXAMPLES = """\b
Examples:
  hostpod plan web.yaml                   if this file were put among the manifests
  hostpod plan new/                       if the manifests were those of this directory alone
  helm template web | hostpod plan -      what another program writes
  hostpod plan                            what is still to be done as the manifests are
  hostpod plan --exit-code -o json new/   for programs
"""


@click.command(epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="Form of the output.")
@click.option("--exit-code", is_flag=True, help="End with 2 when something would change.")
@click.option(
    "--into",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Directory of manifests that it is about; default: manifests.directory.",
)
@asks_daemon
def plan(daemon: Daemon, *, paths: Sequence[Path], output: str, exit_code: bool, into: Path | None) -> None:
    """Show what a change of manifests would do to pods, and why, without doing it.

    A file counts as if it were put under its name into the directory of manifests, standard input under the name of
    its first pod. Of a directory counts what is in it and nothing else: what is missing there ends. Each pod that is
    affected is told of with the fields that decide, and with the difference from what runs.

    The exit code is 1 when a file has problems.
    """
    answer = _answer(daemon, paths, into)
    if output == "json":
        click.echo(json.dumps(answer, indent=4, ensure_ascii=False))
    else:
        _show(answer, proposed=bool(paths), whole=any(path.is_dir() for path in paths))
    sys.exit(
        PROBLEMS
        if any(not each.get("warning") for each in answer["problems"])
        else CHANGES
        if exit_code and answer["changes"]
        else 0
    )


def _answer(daemon: Daemon, paths: Sequence[Path], into: Path | None) -> dict[str, Any]:
    """What the daemon says, with the given path of each file beside the one that it would have."""
    directories = [path for path in paths if path != STDIN and path.is_dir()]
    if len(directories) > 1:
        raise Failure("only one directory can be in place of the manifests: name one")
    files = given_files(list(dict.fromkeys(paths)))
    body = {
        "files": [each.as_json() for each in files],
        "whole": bool(directories),
        "into": str(into.absolute()) if into else None,
    }
    answer = daemon.post(body, "plan")
    return {**answer, "files": _places(files, answer["files"])}


def _places(files: Sequence[GivenFile], targets: Sequence[str]) -> list[Mapping[str, str]]:
    return [{"path": given.path, "as": target} for given, target in zip(files, targets, strict=True)]


def _show(answer: Mapping[str, Any], *, proposed: bool, whole: bool) -> None:
    given = {each["as"]: each["path"] for each in answer["files"]}
    for problem in answer["problems"]:
        click.echo(problem_line({**problem, "file": given.get(problem["file"], problem["file"])}), err=True)
    for line in plan_lines(answer["pods"], proposed=proposed, also=() if whole else list(given)):
        click.echo(line)
