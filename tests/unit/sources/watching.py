"""A real directory that is really watched, for the tests of the source."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from hostpod.config import ManifestConfig
from hostpod.kube import Pod
from hostpod.sources.directory import DirectorySource, Snapshot
from hostpod.sources.sources import Source

PATIENCE_S = 5


def manifest(*names: str, image: str = "nginx") -> str:
    """A file with a pod of each name."""
    return "".join(
        f"---\nkind: Pod\napiVersion: v1\nmetadata:\n  name: {name}\nspec:\n  containers:\n"
        f"  - name: main\n    image: {image}\n"
        for name in names
    )


class Watched:
    """The snapshots of a source, one after the other."""

    def __init__(self, source: Source, snapshots: AsyncGenerator[Snapshot, None]) -> None:
        self.source = source
        self._snapshots = snapshots
        self.snapshot = Snapshot()

    async def next(self) -> Snapshot:
        """The next snapshot."""
        async with asyncio.timeout(PATIENCE_S):
            self.snapshot = await anext(self._snapshots)
        return self.snapshot

    async def until(self, wanted: Callable[[Snapshot], object]) -> Snapshot:
        """The first snapshot, from the present one on, that is as wanted."""
        while not wanted(self.snapshot):
            await self.next()
        return self.snapshot

    async def until_pods(self, *names: str) -> Snapshot:
        """The first snapshot with just these pods and no problem."""
        return await self.until(lambda snapshot: pod_names(snapshot) == [*names] and not snapshot.problems)

    async def until_problem(self, *messages: str) -> Snapshot:
        """The first snapshot with just these problems."""
        return await self.until(lambda snapshot: messages_of(snapshot) == [*messages])


@asynccontextmanager
async def watching(
    directory: Path, *, known: Mapping[str, Sequence[Pod]] | None = None, **settings: Any
) -> AsyncGenerator[Watched, None]:
    """Watch a directory; the first snapshot is there already."""
    config = ManifestConfig.model_construct(
        **{
            "directory": directory,
            "rescan_interval_s": 3600.0,
            "settle_s": 3600.0,
            "max_bytes": 10_000,
            **settings,
        }
    )
    source = DirectorySource(directory, config, node_name="node", suffix=True, known=known)
    async with aclosing(source.watch()) as snapshots:
        watched = Watched(source, snapshots)
        await watched.next()
        yield watched


def pod_names(snapshot: Snapshot) -> list[str]:
    """The names of all pods, without the node's."""
    return [sourced.pod.name.removesuffix("-node") for sourced in snapshot.pods]


def images(snapshot: Snapshot) -> list[str | None]:
    """The image of each pod."""
    return [sourced.pod.spec.containers[0].image for sourced in snapshot.pods]


def messages_of(snapshot: Snapshot) -> list[str]:
    """`NAME:LINE: FIELD: MESSAGE` of each problem."""
    problems = [found.problem for found in snapshot.problems]
    return [str(problem).replace(problem.file, Path(problem.file).name) for problem in problems]
