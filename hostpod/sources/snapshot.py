"""What manifests say together: pods, ConfigMaps and Secrets, and problems with what they leave running. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hostpod.kube import Pod
from hostpod.manifest import ConfigObject, Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcedPod:
    """A pod as it should run here, and where that is said. `seen_at` is when this version of it was first seen."""

    pod: Pod
    file: str
    line: int
    seen_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcedConfig:
    """A ConfigMap or Secret, and where it is said."""

    config: ConfigObject = field(repr=False)
    file: str
    line: int


Sourced = SourcedPod | SourcedConfig
S = TypeVar("S", SourcedPod, SourcedConfig)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileProblem:
    """What is wrong with a file, and the names of the pods that go on as the file said before.

    A warning is of a pod that runs all the same.
    """

    problem: Problem
    kept_pods: tuple[str, ...] = ()
    warning: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """All pods that should run, all ConfigMaps and Secrets, and all problems, in order of sources, files and lines."""

    pods: tuple[SourcedPod, ...] = ()
    problems: tuple[FileProblem, ...] = ()
    configs: tuple[SourcedConfig, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FileState:
    """What one file stands for: its objects, those that it no longer says rightly among them, and its problems."""

    pods: tuple[SourcedPod, ...] = ()
    problems: tuple[Problem, ...] = ()
    kept: tuple[SourcedPod, ...] = ()
    configs: tuple[SourcedConfig, ...] = ()
    kept_configs: tuple[SourcedConfig, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def wished(self) -> tuple[SourcedPod, ...]:
        """All pods of the file that should run."""
        return (*self.pods, *self.kept)

    @property
    def all_configs(self) -> tuple[SourcedConfig, ...]:
        """All ConfigMaps and Secrets of the file that count."""
        return (*self.configs, *self.kept_configs)


def identity(pod: Pod) -> tuple[str, str]:
    """Namespace and name: no two pods of a node have the same."""
    return pod.namespace, pod.name


def config_identity(config: ConfigObject) -> tuple[str, str, str]:
    """Kind, namespace and name: no two objects have the same."""
    return type(config).__name__, config.metadata.namespace or "", config.metadata.name or ""


def updated(
    before: FileState,
    pods: tuple[SourcedPod, ...],
    problems: tuple[Problem, ...],
    configs: tuple[SourcedConfig, ...] = (),
    warnings: tuple[Problem, ...] = (),
) -> FileState:
    """The file after a change. While it has problems, an object that it no longer says rightly stays as it was."""
    if not problems:
        return FileState(pods=pods, configs=configs, warnings=warnings)
    return FileState(
        pods=pods,
        problems=problems,
        kept=_missing(before.wished, pods, _pod_key),
        configs=configs,
        kept_configs=_missing(before.all_configs, configs, _config_key),
        warnings=warnings,
    )


def combined(files: Mapping[str, FileState], others: Iterable[Problem] = ()) -> Snapshot:
    """All files together; of two objects of one name that of the first file counts, and the other is a problem."""
    told = [_told(files[name]) for name in sorted(files)]
    return joined([Snapshot(problems=tuple(FileProblem(problem=problem) for problem in others)), *told])


def joined(snapshots: Sequence[Snapshot]) -> Snapshot:
    """Several together, in their order: of two objects of one name the first counts, and the other is a problem."""
    pods: dict[Hashable, SourcedPod] = {}
    configs: dict[Hashable, SourcedConfig] = {}
    problems: list[FileProblem] = []
    for snapshot in snapshots:
        problems += snapshot.problems
        problems += _added(pods, snapshot.pods, _pod_key)
        problems += _added(configs, snapshot.configs, _config_key)
    return Snapshot(pods=tuple(pods.values()), problems=tuple(problems), configs=tuple(configs.values()))


def _told(state: FileState) -> Snapshot:
    """One file alone."""
    kept_pods = tuple(sourced.pod.name for sourced in state.kept)
    problems = tuple(FileProblem(problem=problem, kept_pods=kept_pods) for problem in state.problems)
    warnings = tuple(FileProblem(problem=problem, warning=True) for problem in state.warnings)
    return Snapshot(pods=state.wished, problems=(*problems, *warnings), configs=state.all_configs)


def _pod_key(sourced: SourcedPod) -> Hashable:
    return identity(sourced.pod)


def _config_key(sourced: SourcedConfig) -> Hashable:
    return config_identity(sourced.config)


def _missing(before: Iterable[S], now: Iterable[S], key: Callable[[S], Hashable]) -> tuple[S, ...]:
    present = set(map(key, now))
    return tuple(sourced for sourced in before if key(sourced) not in present)


def _added(taken: dict[Hashable, S], more: Iterable[S], key: Callable[[S], Hashable]) -> list[FileProblem]:
    """Adds to `taken` what is new. Returns a problem for each of the others."""
    problems = []
    for sourced in more:
        first = taken.setdefault(key(sourced), sourced)
        if first is not sourced:
            problems.append(FileProblem(problem=_repeated(sourced, first)))
    return problems


def _repeated(second: Sourced, first: Sourced) -> Problem:
    if isinstance(second, SourcedPod):
        what, verb, name = "pod", "runs", "/".join(identity(second.pod))
    else:
        what, *names = config_identity(second.config)
        verb, name = "counts", "/".join(names)
    message = f'the {what} "{name}" is in {first.file} already, which comes first and {verb}: rename or remove one'
    return Problem(file=second.file, line=second.line, column=1, path="metadata.name", message=message)
