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
from hostpod.cli.problems import problem_line
from hostpod.cli.settings import read_settings
from hostpod.cli.table import printable

if TYPE_CHECKING:
    from hostpod.cli.manifest_files import Allowed
    from hostpod.config import Config
    from hostpod.config.pod_security import Level
    from hostpod.manifest import Parsed, Problem
    from hostpod.sources.snapshot import FileState

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
    help="Settings instead of the default file: manifests.maxBytes and podSecurity count.",
)
@click.option(
    "--pod-security",
    type=click.Choice(["privileged", "baseline", "restricted"]),
    help="Pod Security Standard that pods must keep, whatever the settings say.",
)
def validate(
    paths: Sequence[Path], *, verbose: bool, output: str, config: Path | None, pod_security: Level | None
) -> None:
    """Check manifests, files or whole directories: every problem in one go, one a line on stderr.

    A PATH of - is standard input. It needs no daemon. The exit code is 1 when there are problems. In directories
    no two pods, ConfigMaps or Secrets may have one name; those of the first directory count, as in the daemon.

    Pods are held to the Pod Security Standards of the settings: those of the directory that a file is in, or else of
    all sources. What a pod is only warned of does not count as a problem.
    """
    from hostpod.cli.manifest_files import parsed_files  # noqa: PLC0415 - the models take longer than all the rest

    allowed = _allowed(_settings(config), pod_security)
    read: list[_Read] = []
    for path in dict.fromkeys(paths):
        try:
            read.append(_Read(parsed_files(path, allowed), path.is_dir()))
        except OSError as error:
            raise Failure(f"cannot read {path}: {error.strerror or error}") from error
    checked = list(_checked(read))
    if output == "json":
        click.echo(json.dumps([_as_json(each) for each in checked], indent=4))
    else:
        _show(checked, verbose=verbose)
    sys.exit(1 if any(each.problems for each in checked) else 0)


class _Read(NamedTuple):
    files: Mapping[str, Parsed]
    is_directory: bool


class _Checked(NamedTuple):
    file: str
    parsed: Parsed
    problems: Sequence[Problem]

    def names(self) -> Mapping[str, list[str]]:
        """What has no problems, by kind."""
        found: dict[str, list[str]] = {"Pod": [each.pod.name for each in self.parsed.pods]}
        for each in self.parsed.configs:
            found.setdefault(type(each.config).__name__, []).append(each.config.metadata.name or "")
        return found


def _checked(read: Sequence[_Read]) -> Iterator[_Checked]:
    """With every file the problems of its own, and those it has with other files of the directories."""
    shared = _shared([each.files for each in read if each.is_directory])
    for files, is_directory in read:
        for file, parsed in files.items():
            others = [problem for problem in shared if is_directory and problem.file == file]
            yield _Checked(file, parsed, (*parsed.problems, *others))


def _shared(directories: Sequence[Mapping[str, Parsed]]) -> list[Problem]:
    """Names that are in several files, and pods that wait for one another."""
    from hostpod.sources.circles import circle_problems  # noqa: PLC0415 - loads the models
    from hostpod.sources.snapshot import combined, joined  # noqa: PLC0415 - loads the models

    snapshots = [combined({file: _state(file, parsed) for file, parsed in files.items()}) for files in directories]
    together = joined(snapshots)
    return [each.problem for each in (*together.problems, *circle_problems(together.pods))]


def _state(file: str, parsed: Parsed) -> FileState:
    from hostpod.sources.snapshot import FileState, SourcedConfig, SourcedPod  # noqa: PLC0415 - loads the models

    return FileState(
        pods=tuple(SourcedPod(pod=each.pod, file=file, line=each.line, seen_at=0) for each in parsed.pods),
        configs=tuple(SourcedConfig(config=each.config, file=file, line=each.line) for each in parsed.configs),
    )


def _allowed(settings: Config, level: Level | None) -> Allowed:
    """What the daemon would take, or with `level` only pods that keep this standard."""
    from hostpod.cli.manifest_files import Allowed  # noqa: PLC0415 - loads the models
    from hostpod.config.pod_security import URL  # noqa: PLC0415 - loads the models
    from hostpod.manifest import PodSecurity  # noqa: PLC0415 - loads the models
    from hostpod.sources.standards import security_of  # noqa: PLC0415 - loads the models

    sources = {Path(each).resolve(): each for each in settings.pod_security.sources if each != URL}

    def security(file: Path | None) -> PodSecurity:
        if level is not None:
            return PodSecurity(enforce=level)
        return security_of(settings.pod_security, sources.get(file.parent.resolve(), "") if file else "")

    return Allowed(max_bytes=settings.manifests.max_bytes, security=security)


def _settings(config: Path | None) -> Config:
    """What the daemon would go by. A mistake in its settings is not this command's business."""
    from hostpod.config import Config, ConfigError, load_config  # noqa: PLC0415 - 100 ms that others do not pay

    if config is not None:
        return read_settings(config)
    try:
        return load_config()
    except ConfigError:
        return Config()


def _show(checked: Sequence[_Checked], *, verbose: bool) -> None:
    for each in checked:
        for problem in each.problems:
            click.echo(printable(str(problem)), err=True)
        for warning in each.parsed.warnings:
            click.echo(problem_line({**asdict(warning), "warning": True}), err=True)
        if verbose:
            for note in each.parsed.notes:
                click.echo(printable(f"{each.file}:{note.line}: {note.path}: {note.note}"))
            for line in _good(each.names()):
                click.echo(printable(f"{each.file}: {line}"))


def _good(names: Mapping[str, Sequence[str]]) -> list[str]:
    """`pods without problems: web, db`, a line a kind."""
    words = {"Pod": "pods", "ConfigMap": "ConfigMaps", "Secret": "Secrets"}
    found = [f"{words[kind]} without problems: {', '.join(each)}" for kind, each in names.items() if each]
    return found or ["nothing without problems"]


def _as_json(checked: _Checked) -> dict[str, Any]:
    names = checked.names()
    return {
        "file": checked.file,
        "pods": names["Pod"],
        "configMaps": names.get("ConfigMap", []),
        "secrets": names.get("Secret", []),
        "problems": [asdict(problem) for problem in checked.problems],
        "warnings": [asdict(warning) for warning in checked.parsed.warnings],
        "notes": [note._asdict() for note in checked.parsed.notes],
    }
