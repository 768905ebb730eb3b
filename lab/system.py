"""A whole system to test in, with systemd as its process 1: what can be done with one, wherever it runs."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lab.place import LabError

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


class System(ABC):
    """`slowness` is how many times longer than on bare metal things take: deadlines are multiplied by it."""

    name: str
    suite: str
    slowness: float = 1
    controllers: bool = False
    """Whether its control groups hold limits."""

    @abstractmethod
    def argv(self, command: Sequence[str], *, within_s: float) -> list[str]:
        """The command of this machine that runs a command in there."""

    @abstractmethod
    def write(self, path: str, content: bytes | str, *, mode: int = 0o644) -> None:
        """Write a file in there, complete from the first moment on; its directory is made."""

    @abstractmethod
    def copy_in(self, source: Path, target: str) -> None:
        """Copy a file or a tree from this machine to `target` in there."""

    def attempt(self, *command: str, stdin: str = "", within_s: float = 60) -> Done:
        """Run a command in there and wait for its end."""
        within_s *= self.slowness
        try:
            done = subprocess.run(
                self.argv(command, within_s=within_s),
                input=stdin,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=within_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{self.name}: {shlex.join(command)}: not ended within {within_s:g} s") from error
        return Done(code=done.returncode, out=done.stdout, err=done.stderr)

    def run(self, *command: str, stdin: str = "", within_s: float = 60) -> str:
        """What a command printed; LabError with its last lines when it failed."""
        done = self.attempt(*command, stdin=stdin, within_s=within_s)
        if done.code:
            lines = "\n".join((done.out + done.err).strip().splitlines()[-15:])
            raise LabError(f"{self.name}: {shlex.join(command)}: exit code {done.code}\n{lines}")
        return done.out

    def shell(self, script: str, *, within_s: float = 60) -> str:
        """What a script of bash printed."""
        return self.run("bash", "-euo", "pipefail", "-c", script, within_s=within_s)

    def read(self, path: str) -> str:
        return self.run("cat", path)

    def exists(self, path: str) -> bool:
        """Whether there is such a file, or a link that leads nowhere."""
        return self.attempt("sh", "-c", f"test -e {shlex.quote(path)} -o -L {shlex.quote(path)}").code == 0

    def until(self, attempt: Callable[[], Result], what: str, *, within_s: float = 20) -> Result:
        """Try again until it is true; LabError with what `hostpod` wrote last when it never is."""
        deadline = time.monotonic() + within_s * self.slowness
        while True:
            problem = ""
            try:
                if result := attempt():
                    return result
            except LabError as error:
                problem = f": {error}"
            if time.monotonic() > deadline:
                raise LabError(f"{self.name}: not in time: {what}{problem}\n{self.journal('-n', '40')}")
            time.sleep(0.1)

    def unit(self, name: str, *properties: str) -> dict[str, str]:
        """Properties of a unit as `systemctl show` tells them."""
        shown = self.run("systemctl", "show", f"--property={','.join(properties)}", name)
        return dict(line.split("=", 1) for line in shown.splitlines() if line)

    def journal(self, *options: str) -> str:
        """Text of journalctl; with no options all of it."""
        return self.attempt("journalctl", "--no-pager", "--quiet", *options).out

    def entries(self, *matches: str) -> list[Mapping[str, Any]]:
        """Entries of the journal with their fields, oldest first."""
        shown = self.run("journalctl", "--no-pager", "--quiet", "--all", "--output=json", *matches)
        return [json.loads(line) for line in shown.splitlines()]

    def install(self, *packages: Path) -> str:
        """Install package files with apt, without a network."""
        names = []
        for package in packages:
            names.append(f"/var/tmp/{package.name}")
            self.copy_in(package, names[-1])
        apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--quiet")
        return self.run(*apt, "-o", "Dpkg::Use-Pty=0", "-o", "Dpkg::Options::=--force-confold", *names, within_s=120)
