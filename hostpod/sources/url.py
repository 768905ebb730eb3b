"""A URL of manifests, asked at the start and at an interval: what it said last holds until it says something else."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from hostpod.config import ManifestConfig
from hostpod.config.pod_security import URL
from hostpod.host.clock import now
from hostpod.host.store import StoreError
from hostpod.kube import Pod
from hostpod.manifest import PRIVILEGED, PodSecurity, parse_manifest
from hostpod.sources.book import ManifestBook, problem_of
from hostpod.sources.fetching import Fetched, Fetcher, NotModified, Refused
from hostpod.sources.saved import Saved, digest_of, load, save
from hostpod.sources.snapshot import FileProblem, Snapshot
from hostpod.sources.web import shown

log = logging.getLogger(__name__)

# The daemon's start waits so long for the first answer: what was said before would run for a moment, and then end.
FIRST_S = 1.0
_ONLY = ""  # the one file of the book


class UrlSource:
    """Asks a URL. `known` are the pods that run already, by the file that each came from; `saved` is a file."""

    def __init__(
        self,
        config: ManifestConfig,
        *,
        node_name: str,
        suffix: bool,
        saved: Path,
        known: Mapping[str, Sequence[Pod]] | None = None,
        security: PodSecurity = PRIVILEGED,
    ) -> None:
        assert config.url is not None
        self._config = config
        self._security = security
        self._url = config.url
        self.name = shown(config.url)
        self.setting = URL
        running = (known or {}).get(self.name)
        self._book = ManifestBook(
            lambda _: self.name,
            node_name=node_name,
            suffix=suffix,
            known={_ONLY: running} if running else {},
            source="http",
        )
        self._path = saved
        self._fetcher = Fetcher()
        self._etag: str | None = None
        self._digest: bytes | None = None
        self._unsaved: Saved | None = None
        self._refused: str | None = None
        self._unwritten: str | None = None
        self._anew = False
        self._asking = False
        self._woken = asyncio.Event()
        self._pings: list[Callable[[], None]] = []

    def reconfigure(self, config: ManifestConfig, security: PodSecurity) -> None:
        """Other times, sizes and standards from now on. The URL must be the same."""
        if config.max_bytes != self._config.max_bytes or security != self._security:
            self._etag = self._digest = None
        self._config = config
        self._security = security
        self._anew = True
        self._woken.set()

    def ping(self, answer: Callable[[], None]) -> None:
        """Ask whether work goes on: `answer` is called when the source, woken, waits again and whoever follows it has
        taken the last snapshot. A question that is under way is an answer: its time is bounded."""
        self._pings.append(answer)
        if self._asking:
            self._answer()
        else:
            self._woken.set()

    def _answer(self) -> None:
        pings, self._pings = self._pings, []
        for answer in pings:
            answer()

    async def watch(self) -> AsyncGenerator[Snapshot, None]:
        """What the URL says: at the start as far as it is known, and whenever it changed."""
        time = asyncio.get_running_loop().time
        await self._recall()
        refused = await self._ask(min(FIRST_S, self._config.url_timeout_s))
        due = time() + (self._config.url_interval_s if refused is None else 0)
        told = None
        while True:
            snapshot = self._snapshot()
            if snapshot != told:
                told = snapshot
                yield snapshot
            self._answer()
            await self._wait(due - time())
            if time() >= due or self._anew:
                self._anew = False
                self._refused = await self._ask(self._config.url_timeout_s)
                due = time() + self._config.url_interval_s

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._woken.wait()
        self._woken.clear()

    def _snapshot(self) -> Snapshot:
        """What is said, and before it what is wrong with the URL itself."""
        snapshot = self._book.snapshot(())
        kept = tuple(sourced.pod.name for sourced in snapshot.pods)
        troubles = []
        if self._refused is not None:
            message = f"cannot be fetched: {self._refused}; what it said before holds"
            troubles.append(FileProblem(problem=problem_of(self.name, message), kept_pods=kept))
        if self._unwritten is not None:
            message = f"cannot be kept for a restart: {self._unwritten}"
            troubles.append(FileProblem(problem=problem_of(self.name, message)))
        return replace(snapshot, problems=(*troubles, *snapshot.problems))

    async def _ask(self, timeout_s: float) -> str | None:
        """Ask once, and take and write down what is said. Returns why it could not be asked."""
        rules = self._config.max_bytes, self._security
        self._asking = True
        self._answer()
        try:
            answer = await self._fetcher.fetch(self._config, etag=self._etag, timeout_s=timeout_s)
            match answer:
                case Refused():
                    return answer.reason
                case NotModified():
                    pass
                case Fetched():
                    await self._take(answer)
                case _:
                    assert_never(answer)
            await self._write()
        finally:
            self._asking = False
            if rules != (self._config.max_bytes, self._security):
                self._etag = self._digest = None  # it was judged by rules that hold no more: the next answer counts
        return None

    async def _take(self, answer: Fetched) -> None:
        self._etag = answer.etag
        digest = hashlib.blake2b(answer.data).digest()
        if digest != self._digest:
            await self._read(answer.data)
            self._unsaved = Saved(
                name=self.name,
                url_digest=digest_of(self._url),
                etag=answer.etag,
                body=answer.data,
                kept=self._book.kept(_ONLY),
            )

    async def _read(self, body: bytes) -> None:
        parsed = await asyncio.to_thread(parse_manifest, body, file=self.name, security=self._security)
        self._book.take(_ONLY, parsed, now())
        self._digest = hashlib.blake2b(body).digest()

    async def _write(self) -> None:
        """For the next daemon. What cannot be written is tried again after the next answer."""
        if self._unsaved is None:
            return
        try:
            await asyncio.to_thread(save, self._path, self._unsaved)
        except StoreError as error:
            self._unwritten = str(error)
        else:
            self._unsaved = self._unwritten = None

    async def _recall(self) -> None:
        """What an earlier daemon was told."""
        try:
            saved = await asyncio.to_thread(load, self._path)
        except StoreError as error:
            log.warning("%s: what it said before is lost: %s", self.name, error)
            return
        if saved is None or saved.name != self.name:
            return
        self._book.recall(_ONLY, saved.kept)
        await self._read(saved.body)
        if saved.url_digest == digest_of(self._url):
            self._etag = saved.etag
