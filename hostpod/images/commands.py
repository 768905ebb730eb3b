"""Commands that are joined by pipes, each with its own last words."""

from __future__ import annotations

import fcntl
import os
import re
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import FileIO
from pathlib import Path
from subprocess import DEVNULL  # noqa: TID251 - the constant only

from hostpod.host.process import CommandError, FileDescriptor, Process, started
from hostpod.images.errors import ImagePullError

# tar's last line, whatever went wrong: what did is above it.
_CONCLUSIONS = ("Exiting with failure status due to previous errors", "Error is not recoverable: exiting now")
# tar's words where the last of the disk was enough for a part of what it wrote.
_WROTE_A_PART = re.compile(r": Wrote only \d+ of \d+ bytes$")
# A daemon that is killed cannot end its children. Most read or write a pipe of its, and end by that; before the others
# stands this.
DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")

PIPE_BYTES = 1024 * 1024
WORDS_BYTES = 4096


class Command:
    """A running command of a pipeline."""

    def __init__(self, name: str, process: Process, errors: FileDescriptor) -> None:
        self._name, self._process, self._errors = name, process, errors

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    async def finish(self) -> None:
        """Wait for its end; ImagePullError with its words where it failed, but not where nobody read its output."""
        code = await self._process.wait()
        if code not in (0, -signal.SIGPIPE):
            lines = os.pread(self._errors, WORDS_BYTES, 0).decode(errors="replace").strip().splitlines()
            telling = [line for line in lines if not line.endswith(_CONCLUSIONS)] or lines
            words = telling[-1] if telling else f"exit code {code}"
            raise ImagePullError(f"{self._name}: {_WROTE_A_PART.sub(': No space left on device', words)}")


@asynccontextmanager
async def command(
    argv: Sequence[str],
    *,
    stdin: FileDescriptor = DEVNULL,
    stdout: FileDescriptor = DEVNULL,
    dies_with_us: bool = False,
) -> AsyncIterator[Command]:
    """Start a command; it is killed when the block is left before its end."""
    errors = os.memfd_create("errors")
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    whole = [*DIES_WITH_US, *argv] if dies_with_us else argv
    try:
        async with started(
            whole, stdin=stdin, stdout=stdout, stderr=errors, env=environment, expendable=True
        ) as process:
            yield Command(Path(argv[0]).name, process, errors)
    except CommandError as error:
        raise ImagePullError(str(error)) from error
    finally:
        os.close(errors)


def pipe() -> tuple[FileIO, FileIO]:
    """The ends of a pipe, reading and writing, unbuffered. Close both, or leave their `with` blocks."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return FileIO(reading, "r"), FileIO(writing, "w")
