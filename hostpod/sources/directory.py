"""A directory of manifests: what its files say, told at the start and at every change."""

from __future__ import annotations

import asyncio
import errno
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar, assert_never

from hostpod.config import ManifestConfig
from hostpod.host.clock import now
from hostpod.host.inotify import Event, Inotify, InotifyError, Mask
from hostpod.kube import Pod
from hostpod.manifest import PRIVILEGED, Parsed, PodSecurity, Problem
from hostpod.sources.book import ManifestBook, known_below, problem_of
from hostpod.sources.encrypted import DecryptionError, decrypted, parse_file
from hostpod.sources.files import Stamp, is_encrypted, is_manifest, may_be_temporary, stamp_of
from hostpod.sources.proposal import Limits, Preview, ProposedFile, opened, read_proposed
from hostpod.sources.reading import Absent, BeingWritten, Content, Unreadable, read_manifest
from hostpod.sources.snapshot import FileProblem, Snapshot, SourcedPod
from hostpod.sources.watching import DirectoryWatch

T = TypeVar("T")

__all__ = ["DirectorySource", "FileProblem", "Snapshot", "SourcedPod"]

# An editor that renames the old file away has the new one in place within this time.
GONE_AFTER_S = 0.02
# A directory that was away and comes back empty is being filled.
RETURNED_GONE_AFTER_S = 2.0
# A new file without an extension may be a tool's temporary one: it has this time to be renamed.
TEMPORARY_S = 0.05
# Parsing more than this would hold up the event loop for milliseconds.
LARGE_BYTES = 32 * 1024
# Files are read for so long before what they say is told.
SLICE_S = 0.005

_ENTRIES = Mask.CREATE | Mask.MOVED_TO | Mask.MOVED_FROM | Mask.DELETE
_WHOLE = Mask.CLOSE_WRITE | Mask.MOVED_TO | Mask.ATTRIB


class _Look(NamedTuple):
    """How to look at a file: was it told to be whole, how long to wait for one that is gone or being written."""

    whole: bool = True
    gone_after_s: float = GONE_AFTER_S
    patient: bool = True


class _Due(NamedTuple):
    """When to look at a file again, and how."""

    at: float
    look: _Look


class DirectorySource:
    """Watches a directory. `known` are the pods that run already, by the path of the file that each came from."""

    def __init__(
        self,
        directory: Path,
        config: ManifestConfig,
        *,
        node_name: str,
        suffix: bool,
        known: Mapping[str, Sequence[Pod]] | None = None,
        security: PodSecurity = PRIVILEGED,
    ) -> None:
        self._config = config
        self._security = security
        self.name = self.setting = str(directory)
        self.directory = directory
        self._book = ManifestBook(
            lambda name: str(directory / name),
            node_name=node_name,
            suffix=suffix,
            known=known_below(directory, known or {}),
        )
        self._stamps: dict[str, Stamp | None] = {}
        self._links: set[str] = set()
        self._locked: set[str] = set()
        self._queue: dict[str, _Look] = {}
        self._due: dict[str, _Due] = {}
        self._away = False
        self._inotify: Inotify | None = None
        self._rescan = False
        self._parsing = False
        self._pings: list[Callable[[], None]] = []

    def reconfigure(self, config: ManifestConfig, security: PodSecurity) -> None:
        """Other times, sizes and standards from now on."""
        if config.max_bytes != self._config.max_bytes or security != self._security:
            self._stamps.clear()  # so that every file is read anew
        self._config = config
        self._security = security
        self._rescan = True
        self._wake()

    async def preview(self, files: Sequence[ProposedFile], *, whole: bool) -> Preview:
        """What the directory would say with these files, or with none but them. Nothing is changed or looked at.

        Raises ProposalError.
        """
        readable = [await opened(each) for each in files]
        limits = Limits(max_bytes=self._config.max_bytes, security=self._security)
        parsed = await asyncio.to_thread(read_proposed, readable, self.directory, limits)
        paths = tuple(self._book.path(name) for name in parsed)
        return Preview(snapshot=self._book.supposing(parsed, now(), whole=whole), files=paths)

    def ping(self, answer: Callable[[], None]) -> None:
        """Ask whether changes are still seen and taken: `answer` is called when the source, woken, waits again and
        whoever follows it has taken the last snapshot. A large file that is being parsed in a thread is an answer."""
        self._pings.append(answer)
        if self._parsing:
            self._answer()
        else:
            self._wake()

    def _wake(self) -> None:
        if self._inotify is not None:
            self._inotify.wake()

    def _answer(self) -> None:
        pings, self._pings = self._pings, []
        for answer in pings:
            answer()

    async def watch(self) -> AsyncGenerator[Snapshot, None]:
        """What all files say: at the start, and whenever it changed."""
        time = asyncio.get_running_loop().time
        with Inotify() as inotify:
            self._inotify = inotify
            watch = DirectoryWatch(inotify, self.directory)
            trouble = self._scan(watch, gone_after_s=0)
            await self._work(until=math.inf)
            rescan_at = time() + self._config.rescan_interval_s
            told = None
            while True:
                snapshot = self._book.snapshot(trouble)
                if snapshot != told:
                    told = snapshot
                    yield snapshot
                self._answer()
                events = await inotify.read(max(0.0, self._wake_at(rescan_at) - time()))
                if watch.lost_by(events) or time() >= rescan_at or self._rescan:
                    self._rescan = False
                    trouble = self._scan(watch, gone_after_s=GONE_AFTER_S)
                    rescan_at = time() + self._config.rescan_interval_s
                else:
                    self._queue_changed(tuple(watch.changes(events)), time())
                self._queue_due(time())
                await self._work(until=time() + SLICE_S)

    def _wake_at(self, rescan_at: float) -> float:
        return 0.0 if self._queue else min([rescan_at, *(due.at for due in self._due.values())])

    def _scan(self, watch: DirectoryWatch, *, gone_after_s: float) -> tuple[Problem, ...]:
        """Queue every file that is not as it was. Returns what is wrong with the directory itself."""
        refused = watch.attach()
        try:
            names = {entry.name for entry in self.directory.iterdir() if is_manifest(entry.name)}
        except OSError as error:
            self._away = True
            return (problem_of(str(self.directory), f"{self._refused(error)}; the pods go on as they are"),)
        if self._away and gone_after_s:
            gone_after_s = RETURNED_GONE_AFTER_S
        self._away = False
        for name in sorted(names | self._book.names):
            if name not in self._due and (name not in names or self._is_other(name)):
                self._queue[name] = _Look(gone_after_s=gone_after_s)
        return self._unwatched(refused)

    def _refused(self, error: OSError) -> str:
        reason = (error.strerror or str(error)).lower()
        if error.errno != errno.ENOENT:
            return f"cannot be read: {reason}"
        first = self.directory == self._config.directory
        mend = "set manifests.directory" if first else "remove it from manifests.directories"
        return f"cannot be read: {reason}: make it, or {mend}"

    def _unwatched(self, refused: InotifyError | None) -> tuple[Problem, ...]:
        if refused is None:
            return ()
        reason = f"{refused.strerror}; it is looked at every {self._config.rescan_interval_s:g} s"
        return (problem_of(str(self.directory), reason),)

    def _is_other(self, name: str) -> bool:
        try:
            return self._stamps.get(name) != stamp_of((self.directory / name).stat())
        except OSError:
            return True

    def _queue_changed(self, events: Sequence[Event], at: float) -> None:
        """Each name once, whatever happened to it since the last look."""
        masks: dict[str, Mask] = {}
        for event in events:
            masks[event.name] = masks.get(event.name, Mask(0)) | event.mask
        renamed = _renamed(events)
        for name, mask in masks.items():
            if not is_manifest(name):
                continue
            if may_be_temporary(name) and name not in self._book.names and not mask & Mask.MOVED_TO:
                self._due[name] = _Due(at=at + TEMPORARY_S, look=_Look())
            else:
                gone_after_s = 0 if name in renamed else GONE_AFTER_S
                self._queue[name] = _Look(whole=bool(mask & _WHOLE), gone_after_s=gone_after_s)
        if any(not is_manifest(name) and mask & _ENTRIES for name, mask in masks.items()):
            self._queue_links()

    def _queue_links(self) -> None:
        """An entry that is no manifest can be a part of the way to some: `web.yaml -> ..data/web.yaml`."""
        for name in sorted(self._links):
            if self._is_other(name):
                self._queue[name] = _Look()

    def _queue_due(self, at: float) -> None:
        for name, due in list(self._due.items()):
            if due.at <= at:
                del self._due[name]
                self._queue.setdefault(name, due.look)

    async def _work(self, *, until: float) -> None:
        """Look at the files that wait for it. Many are done in slices, so that pods start while others are read."""
        loop = asyncio.get_running_loop()
        while self._queue:
            name = next(iter(self._queue))
            await self._look(name, self._queue.pop(name), loop.time())
            if loop.time() >= until:
                return

    async def _look(self, name: str, look: _Look, at: float) -> None:
        """Read one file, and take what it says, or find out when to look again."""
        path = self.directory / name
        rules = self._config.max_bytes, self._security
        reading = read_manifest(path, max_bytes=self._config.max_bytes, closed=look.whole, patient=look.patient)
        self._note_link(path)
        self._due.pop(name, None)
        match reading:
            case BeingWritten():
                self._due[name] = _Due(at=at + self._config.settle_s, look=_Look(patient=False))
                return
            case Absent():
                self._note_absence(name, at, look.gone_after_s)
                return
            case Unreadable():
                self._book.refuse(name, reading.reason)
            case Content():
                await self._take(name, reading.data)
            case _:
                assert_never(reading)
        # What could not be decrypted is tried again at each rescan: a key may come, or a program. And what was parsed
        # while other rules came has not been held to those.
        is_settled = name not in self._locked and rules == (self._config.max_bytes, self._security)
        self._stamps[name] = reading.stamp if is_settled else None

    async def _take(self, name: str, data: bytes) -> None:
        """Believe a file that was read. One that cannot be decrypted is as one that cannot be read."""
        self._locked.discard(name)
        try:
            content = await self._apart(decrypted(data, name)) if is_encrypted(name) else data
        except DecryptionError as error:
            self._locked.add(name)
            self._book.refuse(name, str(error))
        else:
            self._book.take(name, await self._parsed(content, self._book.path(name)), now())

    async def _parsed(self, data: bytes, file: str) -> Parsed:
        if len(data) <= LARGE_BYTES:
            return parse_file(data, file=file, security=self._security)
        return await self._apart(asyncio.to_thread(parse_file, data, file=file, security=self._security))

    async def _apart(self, work: Awaitable[T]) -> T:
        """What takes time and is done elsewhere: whoever asks meanwhile whether the source lives is answered."""
        self._parsing = True
        self._answer()
        try:
            return await work
        finally:
            self._parsing = False

    def _note_absence(self, name: str, at: float, gone_after_s: float) -> None:
        if gone_after_s and name in self._book.names:
            self._due[name] = _Due(at=at + gone_after_s, look=_Look(gone_after_s=0))
            return
        self._book.drop(name)
        self._stamps.pop(name, None)

    def _note_link(self, path: Path) -> None:
        with suppress(OSError):  # reading it has met the same, and says so
            if path.is_symlink():
                self._links.add(path.name)
            else:
                self._links.discard(path.name)


def _renamed(events: Iterable[Event]) -> frozenset[str]:
    """Manifests that got another name that is one of a manifest: the old name is gone for good."""
    arrived = {event.cookie for event in events if event.mask & Mask.MOVED_TO and is_manifest(event.name)}
    return frozenset(event.name for event in events if event.mask & Mask.MOVED_FROM and event.cookie in arrived)
