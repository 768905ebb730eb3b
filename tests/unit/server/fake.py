"""A small node that really answers: two pods in memory, an exec that is a few lines of Python, no kernel."""

from __future__ import annotations

import asyncio
import copy
import json
import socket
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from hostpod.config import HttpConfig, SocketConfig
from hostpod.host.logs import LogOptions
from hostpod.kube.api_status import StatusError
from hostpod.server.listen import serve
from hostpod.server.node import OutputStream
from hostpod.sources.proposal import Proposal

PODS = json.loads((Path(__file__).parent / "pods.json").read_text())["items"]
JsonObject = Mapping[str, Any]


class FakeExec:
    """`cat` gives stdin back, `fail N` ends with N after a word on stderr, `size` tells sizes,
    `sleep` does nothing, `yes` writes for ever."""

    def __init__(self, command: Sequence[str], *, stdin: bool) -> None:
        self.command = command
        self.killed = False
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        if not stdin and command[0] == "cat":
            self._lines.put_nowait(None)

    async def write_stdin(self, data: bytes) -> None:
        self._lines.put_nowait(data)

    async def close_stdin(self) -> None:
        self._lines.put_nowait(None)

    async def resize(self, *, columns: int, rows: int) -> None:
        if self.command[0] == "size":
            self._lines.put_nowait(f"{columns}x{rows}\n".encode())

    async def output(self) -> AsyncIterator[tuple[OutputStream, bytes]]:
        if self.command[0] == "fail":
            yield "stdout", b"out\n"
            yield "stderr", b"err\n"
            return
        if self.command[0] == "sleep":
            await asyncio.Event().wait()
        while self.command[0] == "yes":
            yield "stdout", b"y\n" * 32768
        while (line := await self._lines.get()) is not None:
            yield "stdout", line

    async def exit_code(self) -> int:
        return int(self.command[1]) if self.command[0] == "fail" else 0


class FakeNode:
    """The Node verbs over lists that a test may change."""

    name = "peer"
    token_issuer = "https://peer"

    def __init__(self) -> None:
        self.pod_items: list[JsonObject] = copy.deepcopy(PODS)
        self.problem_items: list[JsonObject] = []
        self.event_items: list[JsonObject] = []
        self.image_items: list[JsonObject] = []
        self.checked_items: list[JsonObject] = []
        self.inspected: JsonObject = {}
        self.pruned: list[tuple[bool, bool]] = []
        self.volume_items: list[JsonObject] = []
        self.proposals: list[Proposal] = []
        self.planned: JsonObject = {"changes": False, "files": [], "pods": [], "problems": []}
        self.loaded = b""
        self.log = [b"one\n", b"two\n"]
        self.log_options = LogOptions()
        self.log_ended = asyncio.Event()
        self.sessions: list[FakeExec] = []
        self.watchers = 0
        self._changes: list[asyncio.Queue[JsonObject]] = []

    async def public_keys(self) -> JsonObject:
        return {"keys": []}

    def pods(self) -> Sequence[JsonObject]:
        return self.pod_items

    def problems(self) -> Sequence[JsonObject]:
        return self.problem_items

    async def plan(self, proposal: Proposal) -> JsonObject:
        self.proposals.append(proposal)
        if proposal.into is not None:
            raise StatusError("Invalid", f"{proposal.into} is no directory of manifests; there are: /m")
        return self.planned

    def events(self) -> Sequence[JsonObject]:
        return self.event_items

    def change(self, kind: str, pod: JsonObject) -> None:
        for queue in self._changes:
            queue.put_nowait({"type": kind, "object": pod})

    async def watch_pods(self) -> AsyncGenerator[JsonObject, None]:
        queue: asyncio.Queue[JsonObject] = asyncio.Queue()
        self._changes.append(queue)
        self.watchers += 1
        try:
            for pod in self.pod_items:
                yield {"type": "ADDED", "object": pod}
            while True:
                yield await queue.get()
        finally:
            self.watchers -= 1
            self._changes.remove(queue)

    async def watch_events(self) -> AsyncGenerator[JsonObject, None]:
        for event in self.event_items:
            yield {"type": "ADDED", "object": event}
        await asyncio.Event().wait()

    async def volumes(self, *, namespace: str | None, usage: bool) -> Sequence[JsonObject]:
        own = [item for item in self.volume_items if namespace in (None, item["metadata"]["namespace"])]
        return [{**item, "usedBytes": 1500} if usage else item for item in own]

    def images(self) -> Sequence[JsonObject]:
        return self.image_items

    async def pull(self, reference: str) -> AsyncGenerator[JsonObject, None]:
        yield {"id": "0123456789ab", "action": "Fetching", "current": 10, "total": 20, "done": False}
        if reference == "gone":
            raise StatusError("ServiceUnavailable", "cannot pull gone: the registry does not know it")
        yield {"id": "0123456789ab", "action": "Fetching", "current": 20, "total": 20, "done": True}
        yield {"image": {"id": "sha256:" + "a" * 64, "references": [reference], "sizeBytes": 20}}

    async def verify(self, references: Sequence[str]) -> AsyncGenerator[JsonObject, None]:
        if "gone" in references:
            raise StatusError("NotFound", 'image "gone" is not on this host')
        for item in self.checked_items:
            yield item

    async def load(self, archive: AsyncIterator[bytes]) -> Sequence[JsonObject]:
        self.loaded = b"".join([chunk async for chunk in archive])
        if self.loaded == b"junk":
            raise StatusError("BadRequest", "cannot load the archive: it is no tar file")
        return [{"id": "sha256:" + "b" * 64, "references": ["docker.io/library/web:1"], "sizeBytes": len(self.loaded)}]

    async def inspect_image(self, reference: str) -> JsonObject:
        if reference == "gone":
            raise StatusError("NotFound", 'image "gone" is not on this host')
        return self.inspected

    async def remove_image(self, reference: str) -> JsonObject:
        match reference:
            case "used":
                raise StatusError("Conflict", 'cannot remove image "used": pod default/web uses it')
            case "web:2":
                return {"untagged": ["web:2"], "removed": None, "freedBytes": 0}
            case _:
                return {"untagged": [reference], "removed": "sha256:" + "a" * 64, "freedBytes": 20_000}

    async def prune_images(self, *, everything: bool, dry_run: bool) -> JsonObject:
        self.pruned.append((everything, dry_run))
        return {"images": self.image_items, "freedBytes": 20_000}

    async def logs(
        self, *, namespace: str, pod: str, container: str, options: LogOptions
    ) -> AsyncGenerator[bytes, None]:
        if options.previous:
            raise StatusError("BadRequest", f'previous terminated container "{container}" in pod "{pod}" not found')
        self.log_options = options
        return self._log(options)

    async def _log(self, options: LogOptions) -> AsyncGenerator[bytes, None]:
        for line in self.log:
            yield line
        if options.follow:
            await self.log_ended.wait()
            yield b"end\n"

    @asynccontextmanager
    async def exec(
        self, *, namespace: str, pod: str, container: str, command: Sequence[str], tty: bool, stdin: bool
    ) -> AsyncIterator[FakeExec]:
        if command[0] == "nowhere":
            raise StatusError("BadRequest", f'container "{container}" in pod "{pod}" does not run')
        session = FakeExec(command, stdin=stdin)
        self.sessions.append(session)
        try:
            yield session
        finally:
            session.killed = True

    @asynccontextmanager
    async def attach(self, *, namespace: str, pod: str, container: str, stdin: bool) -> AsyncIterator[FakeExec]:
        if pod.startswith("classic"):
            raise StatusError("BadRequest", f'container "{container}" has no stdin')
        session = FakeExec(["cat"], stdin=stdin)
        self.sessions.append(session)
        yield session


def machine() -> JsonObject:
    return {"num_cores": 2, "machine_id": "m"}


def free_port() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Served:
    """A fake node that is served in a thread of its own."""

    def __init__(self, directory: Path) -> None:
        self.node = FakeNode()
        self.path = directory / "hostpod.sock"
        self.tcp = free_port()
        self.port: int = self.tcp.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._ready, self._stop = threading.Event(), asyncio.Event()

    def call(self, function: Callable[[], object]) -> None:
        """Run a function in the server's thread and wait for its end."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(function)
        self._loop.call_soon_threadsafe(done.set)
        assert done.wait(5)

    @contextmanager
    def running(self) -> Iterator[Served]:
        thread = threading.Thread(target=self._run)
        thread.start()
        assert self._ready.wait(10)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join()
            self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        async with serve(
            self.node,
            http=HttpConfig(),
            control=SocketConfig(path=self.path),
            sockets=[self.tcp],
            machine=machine,
        ):
            self._ready.set()
            await self._stop.wait()
