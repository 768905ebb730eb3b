"""Telling a person what is done: steps, command lines and what they print."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from lab.place import LabError

Result = TypeVar("Result")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def step(text: str) -> None:
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    say(f"\n{bold}== {text}{plain}")


def shell(line: str, *, show: int = 20, within_s: float = 30) -> str:
    """Show a command line and the beginning of what it prints; LabError when it fails."""
    say(f"$ {line}")
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], check=False, capture_output=True, text=True, timeout=within_s
    )
    for printed in (done.stdout + done.stderr).splitlines()[:show]:
        say(f"  {printed}")
    if done.returncode:
        raise LabError(f"{line}: exit code {done.returncode}")
    return done.stdout


def until(attempt: Callable[[], Result], *, within_s: float, every_s: float = 0.2) -> Result:
    """Try again until the attempt neither fails nor answers with something false."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            if result := attempt():
                return result
        except LabError:
            if time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            raise LabError(f"not so within {within_s:g} s")
        time.sleep(every_s)
