"""What all manifest files say together: pods, and problems with what they leave running. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hostpod.kube import Pod
from hostpod.manifest import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcedPod:
    """A pod as it should run here, and where that is said. `seen_at` is when this version of it was first seen."""

    pod: Pod
    file: str
    line: int
    seen_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FileProblem:
    """What is wrong with a file, and the names of the pods that go on as the file said before."""

    problem: Problem
    kept_pods: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """All pods that should run and all problems, in order of file names and lines."""

    pods: tuple[SourcedPod, ...] = ()
    problems: tuple[FileProblem, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FileState:
    """What one file stands for: its pods, those that it no longer says rightly among them, and its problems."""

    pods: tuple[SourcedPod, ...] = ()
    problems: tuple[Problem, ...] = ()
    kept: tuple[SourcedPod, ...] = ()

    @property
    def wished(self) -> tuple[SourcedPod, ...]:
        """All pods of the file that should run."""
        return (*self.pods, *self.kept)


def identity(pod: Pod) -> tuple[str, str]:
    """Namespace and name: no two pods of a node have the same."""
    return pod.namespace, pod.name


def updated(before: FileState, pods: tuple[SourcedPod, ...], problems: tuple[Problem, ...]) -> FileState:
    """The file after a change. While it has problems, a pod that it no longer says rightly goes on as it was."""
    if not problems:
        return FileState(pods=pods)
    present = {identity(sourced.pod) for sourced in pods}
    kept = tuple(sourced for sourced in before.wished if identity(sourced.pod) not in present)
    return FileState(pods=pods, problems=problems, kept=kept)


def combined(files: Mapping[str, FileState], others: Iterable[Problem] = ()) -> Snapshot:
    """All files together; of two pods of one name the one of the first file runs, and the other is a problem."""
    taken: dict[tuple[str, str], SourcedPod] = {}
    problems = [FileProblem(problem=problem) for problem in others]
    for name in sorted(files):
        state = files[name]
        kept_pods = tuple(sourced.pod.name for sourced in state.kept)
        problems += (FileProblem(problem=problem, kept_pods=kept_pods) for problem in state.problems)
        for sourced in state.wished:
            first = taken.setdefault(identity(sourced.pod), sourced)
            if first is not sourced:
                problems.append(FileProblem(problem=_repeated(sourced, first)))
    return Snapshot(pods=tuple(taken.values()), problems=tuple(problems))


def _repeated(second: SourcedPod, first: SourcedPod) -> Problem:
    name = "/".join(identity(second.pod))
    message = f'the pod "{name}" is in {first.file} already, which comes first and runs: rename or remove one'
    return Problem(file=second.file, line=second.line, column=1, path="metadata.name", message=message)
