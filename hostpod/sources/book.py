"""What each manifest file stands for, over its changes. Pure: contents come in, snapshots go out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePath

from hostpod.kube import Pod
from hostpod.kube.annotations import CONFIG_SEEN
from hostpod.manifest import Parsed, Problem, static_pod
from hostpod.sources.snapshot import FileState, Snapshot, SourcedPod, combined, identity, updated

NO_LINE = 0
"""The line of a problem with a whole file or directory."""


class ManifestBook:
    """The files of one directory by their names. `known` are the pods that run already, by the path of their file."""

    def __init__(
        self, directory: PurePath, *, node_name: str, suffix: bool, known: Mapping[str, Sequence[Pod]]
    ) -> None:
        self._directory = directory
        self._node_name = node_name
        self._suffix = suffix
        self._files = {
            PurePath(file).name: FileState(pods=tuple(_running(pod, file) for pod in pods))
            for file, pods in known.items()
            if PurePath(file).parent == directory
        }

    @property
    def names(self) -> frozenset[str]:
        """Of all files that are in the book, good and bad."""
        return frozenset(self._files)

    def take(self, name: str, parsed: Parsed, now: float) -> None:
        """A file was read."""
        before = self._files.get(name, FileState())
        pods = tuple(self._sourced(self.path(name), parsed, before, now))
        self._files[name] = updated(before, pods, parsed.problems)

    def refuse(self, name: str, reason: str) -> None:
        """A file could not be read: its pods go on."""
        before = self._files.get(name, FileState())
        self._files[name] = updated(before, (), (problem_of(self.path(name), reason),))

    def drop(self, name: str) -> None:
        """A file is gone, and its pods with it."""
        self._files.pop(name, None)

    def path(self, name: str) -> str:
        """The file as problems name it."""
        return str(self._directory / name)

    def snapshot(self, others: Iterable[Problem]) -> Snapshot:
        """All files together; `others` are problems that belong to no file."""
        return combined(self._files, others)

    def _sourced(self, file: str, parsed: Parsed, before: FileState, now: float) -> Iterator[SourcedPod]:
        """The pods of a file for this node; one that is the same as before is still the one that was seen then."""
        earlier = {identity(sourced.pod): sourced for sourced in before.wished}
        for found in parsed.pods:
            pod = static_pod(found.pod, node_name=self._node_name, suffix=self._suffix, source_file=file)
            old = earlier.get(identity(pod))
            seen_at = round(now, 6)  # the annotation tells microseconds
            if old is not None and _seen(pod, old.seen_at) == old.pod:
                seen_at = old.seen_at
            yield SourcedPod(pod=_seen(pod, seen_at), file=file, line=found.line, seen_at=seen_at)


def problem_of(file: str, message: str) -> Problem:
    """A problem with a whole file or directory."""
    return Problem(file=file, line=NO_LINE, column=NO_LINE, path="", message=message)


def _running(pod: Pod, file: str) -> SourcedPod:
    """A pod that an earlier daemon took from a file, with the moment that it noted."""
    noted = pod.metadata.annotations.get(CONFIG_SEEN)
    seen_at = datetime.fromisoformat(noted).timestamp() if noted else 0.0
    return SourcedPod(pod=pod, file=file, line=NO_LINE, seen_at=seen_at)


def _seen(pod: Pod, seen_at: float) -> Pod:
    moment = datetime.fromtimestamp(seen_at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    annotations = {**pod.metadata.annotations, CONFIG_SEEN: moment}
    return pod.model_copy(update={"metadata": pod.metadata.model_copy(update={"annotations": annotations})})
