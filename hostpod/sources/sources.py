"""All sources together, in the order in which they count: manifests.directory, manifests.directories, manifests.url."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from hostpod.config import Config, ManifestConfig
from hostpod.config.pod_security import URL
from hostpod.kube import Pod
from hostpod.manifest import PodSecurity
from hostpod.sources.directory import DirectorySource
from hostpod.sources.proposal import Preview, Proposal, ProposalError
from hostpod.sources.snapshot import Snapshot, joined
from hostpod.sources.standards import security_of

SAVED = "manifests-of-url.json"
"""In the state directory: what the URL said last."""


class Source(Protocol):
    """Something that has manifests. `watch` tells what they say at the start and whenever it changed.

    `setting` is its name among podSecurity.sources.
    """

    name: str
    setting: str

    def watch(self) -> AsyncGenerator[Snapshot, None]: ...

    def ping(self, answer: Callable[[], None]) -> None: ...

    def reconfigure(self, config: ManifestConfig, security: PodSecurity) -> None: ...


class Sources:
    """First `first`, then `follow` as one task, in the end `aclose`."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._watches = [source.watch() for source in sources]
        self._told: list[Snapshot] = []

    async def first(self) -> Snapshot:
        """What all of them say at the start: no pod is ended because its source had not spoken yet."""
        self._told = [await anext(watch) for watch in self._watches]
        return joined(self._told)

    async def follow(self, take: Callable[[Snapshot], None]) -> None:
        """Hand on what all of them say, whenever one of them says something else."""
        async with asyncio.TaskGroup() as tasks:
            for number, source in enumerate(self._sources):
                tasks.create_task(self._follow(number, take), name=f"manifests {source.name}")

    async def _follow(self, number: int, take: Callable[[Snapshot], None]) -> None:
        async for snapshot in self._watches[number]:
            self._told[number] = snapshot
            take(joined(self._told))

    async def preview(self, proposal: Proposal) -> Preview:
        """What all of them would say if files were otherwise. Nothing is changed. Raises ProposalError."""
        if not proposal.files and not proposal.whole:
            return Preview(snapshot=joined(self._told))
        directories = {
            number: source for number, source in enumerate(self._sources) if isinstance(source, DirectorySource)
        }
        number = _target(proposal.into, directories)
        preview = await directories[number].preview(proposal.files, whole=proposal.whole)
        told = [*self._told[:number], preview.snapshot, *self._told[number + 1 :]]
        return Preview(snapshot=joined(told), files=preview.files)

    def pings(self) -> Mapping[str, Callable[[Callable[[], None]], None]]:
        """By name what shows that work goes on."""
        return {f"manifests {source.name}": source.ping for source in self._sources}

    def reconfigure(self, config: Config) -> None:
        """Other times, sizes and standards from now on. Directories and URL must be the same."""
        for source in self._sources:
            source.reconfigure(config.manifests, security_of(config.pod_security, source.setting))

    async def aclose(self) -> None:
        """Nothing is watched any more."""
        for watch in self._watches:
            await watch.aclose()


def _target(into: Path | None, directories: Mapping[int, DirectorySource]) -> int:
    found = [number for number, source in directories.items() if into in (None, source.directory)]
    if not found:
        known = ", ".join(str(source.directory) for source in directories.values())
        raise ProposalError(f"{into} is no directory of manifests; there are: {known}")
    return found[0]


def open_sources(config: Config, *, state: Path, known: Mapping[str, Sequence[Pod]]) -> Sources:
    """Those that are set. `known` are the pods that run already, by file: what is broken keeps them."""
    manifests, node_name, suffix = config.manifests, config.node_name, config.pod_name_suffix
    sources: list[Source] = [
        DirectorySource(
            directory,
            manifests,
            node_name=node_name,
            suffix=suffix,
            known=known,
            security=security_of(config.pod_security, str(directory)),
        )
        for directory in manifests.all_directories
    ]
    if manifests.url is None:
        with suppress(OSError):  # it is of no use any more, and may hold Secrets
            (state / SAVED).unlink(missing_ok=True)
    else:
        from hostpod.sources.url import UrlSource  # noqa: PLC0415 - only who has a URL needs it

        security = security_of(config.pod_security, URL)
        saved = state / SAVED
        sources.append(
            UrlSource(manifests, node_name=node_name, suffix=suffix, saved=saved, known=known, security=security)
        )
    return Sources(sources)
