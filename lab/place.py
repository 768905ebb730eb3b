"""Where the lab keeps what it makes, and how it runs a command."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
CACHE = REPOSITORY / ".cache"


class LabError(Exception):
    """Something that the lab needs could not be made; the message says what and why."""


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
