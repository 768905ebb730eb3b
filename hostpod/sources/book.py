"""What each manifest file stands for, over its changes. Pure: contents come in, snapshots go out.

A file is what has manifests and a name: one of a directory, or what a URL answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Literal

from hostpod.kube import Pod
from hostpod.kube.annotations import CONFIG_SEEN
from hostpod.manifest import Parsed, ParsedConfig, Problem, static_pod
from hostpod.sources.snapshot import (
    FileState,
    Snapshot,
    SourcedConfig,
    SourcedPod,
    combined,
    config_identity,
    identity,
    updated,
)

NO_LINE = 0
"""The line of a problem with a whole file or directory."""


class ManifestBook:
    """Files by their names. `path` is a file as problems name it, `known` are pods that run already, by file name."""

    def __init__(
        self,
        path: Callable[[str], str],
        *,
        node_name: str,
        suffix: bool,
        known: Mapping[str, Sequence[Pod]],
        source: Literal["file", "http"] = "file",
    ) -> None:
        self.path = path
        self._node_name = node_name
        self._suffix = suffix
        self._source = source
        self._files = {
            name: FileState(pods=tuple(_running(pod, path(name)) for pod in pods)) for name, pods in known.items()
        }

    @property
    def names(self) -> frozenset[str]:
        """Of all files that are in the book, good and bad."""
        return frozenset(self._files)

    def take(self, name: str, parsed: Parsed, now: float) -> None:
        """A file was read."""
        self._files[name] = self._taken(name, parsed, now)

    def recall(self, name: str, state: FileState) -> None:
        """What an earlier daemon wrote down of a file; of pods that run already, what runs counts."""
        running = {identity(sourced.pod): sourced for sourced in self.state(name).wished}
        both = {**{identity(sourced.pod): sourced for sourced in state.wished}, **running}
        self._files[name] = replace(state, pods=tuple(both.values()), kept=())

    def supposing(self, files: Mapping[str, Parsed], now: float, *, whole: bool) -> Snapshot:
        """What all files would say if these were among them, or with `whole` if there were no others."""
        others = {name: state for name, state in self._files.items() if not whole}
        return combined({**others, **{name: self._taken(name, parsed, now) for name, parsed in files.items()}})

    def state(self, name: str) -> FileState:
        """What a file stands for now."""
        return self._files.get(name, FileState())

    def kept(self, name: str) -> FileState:
        """What a file no longer says rightly, and stands for all the same."""
        state = self.state(name)
        return FileState(kept=state.kept, kept_configs=state.kept_configs)

    def refuse(self, name: str, reason: str) -> None:
        """A file could not be read: its pods go on."""
        before = self.state(name)
        self._files[name] = updated(before, (), (problem_of(self.path(name), reason),))

    def drop(self, name: str) -> None:
        """A file is gone, and its pods with it."""
        self._files.pop(name, None)

    def snapshot(self, others: Iterable[Problem]) -> Snapshot:
        """All files together; `others` are problems that belong to no file."""
        return combined(self._files, others)

    def _taken(self, name: str, parsed: Parsed, now: float) -> FileState:
        before = self.state(name)
        pods = tuple(self._sourced(self.path(name), parsed, before, now))
        configs, problems = self._configs(self.path(name), parsed.configs, before)
        return updated(before, pods, (*parsed.problems, *problems), configs, parsed.warnings)

    def _sourced(self, file: str, parsed: Parsed, before: FileState, now: float) -> Iterator[SourcedPod]:
        """The pods of a file for this node; one that is the same as before is still the one that was seen then."""
        earlier = {identity(sourced.pod): sourced for sourced in before.wished}
        for found in parsed.pods:
            pod = static_pod(
                found.pod, node_name=self._node_name, suffix=self._suffix, source_file=file, source=self._source
            )
            old = earlier.get(identity(pod))
            seen_at = round(now, 6)  # the annotation tells microseconds
            if old is not None and _seen(pod, old.seen_at) == old.pod:
                seen_at = old.seen_at
            yield SourcedPod(pod=_seen(pod, seen_at), file=file, line=found.line, seen_at=seen_at)

    @staticmethod
    def _configs(
        file: str, found: Iterable[ParsedConfig], before: FileState
    ) -> tuple[tuple[SourcedConfig, ...], list[Problem]]:
        """Those that a file says rightly, and a problem for each that may not change any more and did."""
        earlier = {config_identity(sourced.config): sourced for sourced in before.all_configs}
        configs, problems = [], []
        for each in found:
            old = earlier.get(config_identity(each.config))
            if old is not None and old.config.immutable and old.config != each.config:
                told = "is immutable and stays as it was: give the new one another name, or remove the old one first"
                problems.append(Problem(file=file, line=each.line, column=1, path="immutable", message=told))
            else:
                configs.append(SourcedConfig(config=each.config, file=file, line=each.line))
        return tuple(configs), problems


def known_below(directory: PurePath, known: Mapping[str, Sequence[Pod]]) -> Mapping[str, Sequence[Pod]]:
    """Those of `known`, by path, that came from the files of a directory, by file name."""
    return {PurePath(file).name: pods for file, pods in known.items() if PurePath(file).parent == directory}


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
