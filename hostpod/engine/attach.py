"""People at a container's own first process: what it writes from now on, and its stdin where it has one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from hostpod.engine.exec import OutputStream
from hostpod.engine.records import ContainerRecord
from hostpod.host.attach import Attached, AttachError
from hostpod.host.logs import LogOptions, read_log
from hostpod.kube import Container
from hostpod.kube.api_status import StatusError

_FROM_NOW_ON = LogOptions(follow=True, tail_lines=0)


class AttachSession:
    """Somebody at a container. That it goes ends nothing but, where the manifest says `stdinOnce`, stdin."""

    def __init__(self, attached: Attached, *, stdin: bool, terminal: bool) -> None:
        self._attached = attached
        self._stdin = stdin
        self._terminal = terminal

    async def write_stdin(self, data: bytes) -> None:
        """Wait until the container's monitor took the data; nothing where stdin was not asked for."""
        if self._stdin:
            await self._attached.send(data)

    async def close_stdin(self) -> None:
        """Nothing more comes from here: the end of stdin where it is for one alone."""
        if self._stdin:
            self._attached.send_end()

    async def resize(self, *, columns: int, rows: int) -> None:
        """Set the terminal's size; nothing without a terminal."""
        if self._terminal:
            self._attached.resize(columns=columns, rows=rows)

    def output(self) -> AsyncGenerator[tuple[OutputStream, bytes], None]:
        """What the container writes, until it has ended."""
        return self._attached.received()

    async def exit_code(self) -> int:
        """To have seen the end is no failure, whatever it was. Raises StatusError for who was too slow."""
        if self._attached.too_slow:
            raise StatusError("BadRequest", "the container writes faster than this takes it: see hostpod logs -f")
        return 0


class LogSession:
    """Somebody who only looks. What both streams write is told as stdout."""

    def __init__(self, log: AsyncGenerator[bytes, None]) -> None:
        self._log = log

    async def write_stdin(self, data: bytes) -> None:
        """There is none."""

    async def close_stdin(self) -> None:
        """There is none."""

    async def resize(self, *, columns: int, rows: int) -> None:
        """It is not theirs."""

    async def output(self) -> AsyncGenerator[tuple[OutputStream, bytes], None]:
        """What the container writes, until it has ended."""
        async with aclosing(self._log) as chunks:
            async for chunk in chunks:
                yield "stdout", chunk

    async def exit_code(self) -> int:
        """To have seen the end is no failure, whatever it was."""
        return 0


@asynccontextmanager
async def attach_session(
    container: Container, record: ContainerRecord, *, bundle: Path, logs: Path, stdin: bool, ended: Callable[[], bool]
) -> AsyncIterator[AttachSession | LogSession]:
    """Attach to a container that runs. `logs` is the directory that all logs are below. Raises StatusError."""
    if stdin and not container.stdin:
        raise StatusError(
            "BadRequest",
            f'container "{container.name}" has no stdin: set stdin: true in its manifest, or leave -i away',
        )
    if container.stdin and container.stdin_once and not stdin:
        # conmon closes stdin when any connection goes, also one that only looked.
        yield LogSession(read_log(Path(record.log), options=_FROM_NOW_ON, below=logs, ended=ended))
        return
    try:
        attached = Attached(bundle)
    except AttachError as error:
        raise StatusError("BadRequest", f'cannot attach to container "{container.name}": {error}') from error
    with attached:
        yield AttachSession(attached, stdin=stdin, terminal=bool(container.tty))
