"""Where the lab keeps what it makes, and how it runs a command."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
CACHE = REPOSITORY / ".cache"
SLOWNESS = float(os.environ.get("HOSTPOD_LAB_SLOWNESS", "1"))
"""How many times longer than on bare metal things take here."""


class LabError(Exception):
    """Something that the lab needs could not be made; the message says what and why."""


class UnreachableError(LabError):
    """It would have to be fetched, and where it is cannot be reached from here."""


def command(argv: Sequence[str | Path], *, timeout_s: float = 120, cwd: Path | None = None) -> str:
    """Run a command to its end and return what it printed; LabError with its last lines when it failed."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, cwd=cwd, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LabError(f"cannot run {argv[0]}: {error}") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise LabError(f"{' '.join(map(str, argv))}: exit code {done.returncode}: {'; '.join(lines)}")
    return done.stdout


def patient(seconds: float) -> float:
    """How long to wait here for what takes no longer than this on bare metal."""
    return seconds * SLOWNESS


@contextmanager
def only_one(what: str) -> Iterator[None]:
    """Hold the place for one run of `what` in this clone; LabError when another one has it."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{what}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LabError(f"another make {what} runs in this clone: wait until it has ended") from error
        yield
