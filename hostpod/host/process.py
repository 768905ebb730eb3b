"""The one door to subprocesses: argument lists, a deadline always, killed when cancelled, no inherited descriptor.

Output goes to anonymous files (memfd) and the end is told by a pidfd, so a short command such as runc costs one
vfork and two wake-ups, and neither pipe reading nor a thread.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024
ERROR_LINES = 4

# Of work that is begun again when it was killed: the kernel takes it before the services of the host, which have 0, and
# after pods that ask for little (Burstable ones with small requests have more than 900, BestEffort ones 1000).
EXPENDABLE_OOM_SCORE_ADJ = 500

FileDescriptor = int


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """What an ended command left: its exit code (negative: the signal that ended it) and bounded output."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class CommandError(Exception):
    """A command could not be run to a good end. The message shows the command and its last lines."""


class CommandNotFoundError(CommandError):
    """The binary is not on this host."""


class CommandFailedError(CommandError):
    """The command ended with a non-zero exit code."""

    def __init__(self, argv: Sequence[str], completed: Completed) -> None:
        self.argv = tuple(argv)
        self.completed = completed
        lines = (completed.stderr or completed.stdout).decode(errors="replace").strip().splitlines()
        ending = f"exit code {completed.exit_code}" if completed.exit_code >= 0 else f"signal {-completed.exit_code}"
        tail = "; ".join(line.strip() for line in lines[-ERROR_LINES:]) or "no output"
        super().__init__(f"{Path(argv[0]).name} {shlex.join(argv[1:])}: {ending}: {tail}")


class CommandTimedOutError(CommandError):
    """The command was killed because it did not end before its deadline."""

    def __init__(self, argv: Sequence[str], timeout_s: float) -> None:
        super().__init__(f"{shlex.join(argv)}: killed, it did not end within {timeout_s:g} s")


class Process:
    """A running child. Reap it by `wait`; `kill` ends its whole process group."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        self._pidfd = os.pidfd_open(popen.pid)

    @property
    def pid(self) -> int:
        return self._popen.pid

    async def wait(self) -> int:
        """The exit code; negative is the signal that ended the process."""
        if self._popen.returncode is None:
            await readable(self._pidfd)
        return self._popen.wait()

    async def ends_within(self, timeout_s: float) -> bool:
        """Whether the process has ended, or is about to."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.wait()
        except TimeoutError:
            return False
        return True

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            self._popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL to the process group; nothing when it is gone."""
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill what still runs, reap it and give the descriptor back."""
        if self._popen.poll() is None:
            self.kill()
            self._popen.wait()
        os.close(self._pidfd)


async def readable(fd: FileDescriptor) -> None:
    """Wait until a descriptor (a pidfd, a pipe) can be read. One waiter a descriptor."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, _resolve, ready)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


@asynccontextmanager
async def started(
    argv: Sequence[str],
    *,
    stdin: FileDescriptor = subprocess.DEVNULL,
    stdout: FileDescriptor = subprocess.DEVNULL,
    stderr: FileDescriptor = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    pass_fds: Sequence[FileDescriptor] = (),
    expendable: bool = False,
) -> AsyncIterator[Process]:
    """Start a command in a session of its own; it is killed and reaped when the block is left.

    One that is `expendable` is not kept from being killed for memory, as a daemon may be and its children with it.

    Raises CommandNotFoundError where there is no such binary.
    """
    try:
        popen = subprocess.Popen(  # noqa: ASYNC220 - vfork: returns at exec, less than a millisecond
            list(argv),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise CommandNotFoundError(f"cannot run {argv[0]}: {error.strerror}; install it or set its path") from error
    try:
        process = Process(popen)
    except OSError:  # no descriptor is left for the pidfd: nobody would ever reap it
        popen.kill()
        popen.wait()
        raise
    try:
        if expendable:
            _offer(process.pid)
        yield process
    finally:
        process.close()


def _offer(pid: int) -> None:
    """Raise what the kernel looks at when it kills for memory, which anybody may; nothing where it is as high already.

    From outside, as Popen has returned: before exec this is a vfork, and shares what is set here with the daemon.
    """
    own = int(Path("/proc/self/oom_score_adj").read_text())
    if own < EXPENDABLE_OOM_SCORE_ADJ:
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            Path(f"/proc/{pid}/oom_score_adj").write_text(str(EXPENDABLE_OOM_SCORE_ADJ))


async def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    pass_fds: Sequence[FileDescriptor] = (),
    check: bool = True,
    expendable: bool = False,
) -> Completed:
    """Run a command to its end; `expendable` as with `started`.

    Raises CommandFailedError (unless `check` is false), CommandTimedOutError, CommandNotFoundError. When the caller is
    cancelled the command's process group is killed and reaped before the cancellation goes on.
    """
    out, err = os.memfd_create("stdout"), os.memfd_create("stderr")
    source = _memory_file(stdin) if stdin else subprocess.DEVNULL
    try:
        async with started(
            argv, stdin=source, stdout=out, stderr=err, env=env, cwd=cwd, pass_fds=pass_fds, expendable=expendable
        ) as process:
            try:
                async with asyncio.timeout(timeout_s):
                    exit_code = await process.wait()
            except TimeoutError as error:
                raise CommandTimedOutError(argv, timeout_s) from error
        completed = Completed(exit_code=exit_code, stdout=_content(out), stderr=_content(err))
    finally:
        for fd in (out, err, source):
            if fd >= 0:
                os.close(fd)
    if check and completed.exit_code != 0:
        raise CommandFailedError(argv, completed)
    return completed


def _memory_file(content: bytes) -> FileDescriptor:
    fd = os.memfd_create("stdin")
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _content(fd: FileDescriptor) -> bytes:
    return os.pread(fd, OUTPUT_LIMIT_BYTES, 0)
