"""`make tutorial`: runs every command of docs/tutorial.md and writes what it printed below it.

The commands run as they stand, one shell for all of them, on a host of their own named `myhost`, with the settings,
directories and ports that hostpod has by default. After a line that ends with `&`, it waits until the daemon answers.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from lab import client, images, isolation
from lab.instance import Instance
from lab.names import Names
from lab.place import REPOSITORY, LabError, only_one
from lab.registry import start_registry, write_policy, write_registries_conf

PAGE = REPOSITORY / "docs/tutorial.md"
SETTINGS = Path("/etc/hostpod")
STATE = Path("/var/lib/hostpod")
RUNTIME = Path("/run/hostpod")
IN_MEMORY = (SETTINGS, STATE, RUNTIME, Path("/var/log/pods"), Path("/var/log/containers"))
NAMES = Names(bridge="hostpod0", link_prefix="hp", table="hostpod", cgroup_root="hostpod", subnet="10.85.0.0/16")
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_END = "end of the command"
_WITHIN_S = 90


class Shell:
    """One bash that all commands run in, so that `cd`, variables and `$!` go on."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=directory,
            env=environment,
        )

    def run(self, line: str) -> list[str]:
        """What a command printed."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        if line.endswith("&"):
            line = f"{line[:-1]} >>{RUNTIME}/journal 2>&1 &"
        self._bash.stdin.write(f"{line}\necho; echo '{_END}'\n")
        self._bash.stdin.flush()
        printed = []
        for output in iter(self._bash.stdout.readline, ""):
            if output == f"{_END}\n":
                break
            printed.append(output.rstrip())
        if line.endswith("&"):
            _wait_until_it_answers()
        while printed and not printed[-1]:
            printed.pop()
        return [each for each in printed if not each.startswith("bash: line ")]

    def close(self) -> None:
        self._bash.kill()
        self._bash.wait()


def main() -> int:
    if os.geteuid() != 0:
        sys.exit("make tutorial: run it as root")
    isolation.enter("lab.tutorial", in_memory=IN_MEMORY, hostname="myhost")
    traces = Instance.traces_of(STATE, RUNTIME, names=NAMES)
    work = Path("/run/hostpod") / "work"
    work.mkdir()
    try:
        with only_one("tutorial"):
            PAGE.write_text(_page_with_output(PAGE.read_text(), work))
    except LabError as error:
        sys.stderr.write(f"make tutorial: {error}\n")
        return 1
    finally:
        traces.sweep()
    return 0


def _page_with_output(page: str, work: Path) -> str:
    for name in ("nginx.yaml", "broken.yaml"):
        shutil.copy(REPOSITORY / "examples" / name, work)
    registry = start_registry(STATE / "registry")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "BUSYBOX": str(images.layout("busybox")),
    }
    shell = Shell(work, environment)
    try:
        for name in images.IMAGES:
            registry.push(images.layout(name), f"library/{name}")
        conf = write_registries_conf(SETTINGS / "registries.conf", registry)
        policy = write_policy(SETTINGS / "policy.json")
        (SETTINGS / "hostpod.yaml").write_text(f"images:\n  registriesConf: {conf}\n  policy: {policy}\n")
        (SETTINGS / "manifests").mkdir()
        return _BLOCK.sub(lambda block: _with_output(block[1], shell), page)
    finally:
        shell.close()
        registry.stop()


def _with_output(block: str, shell: Shell) -> str:
    lines = []
    for line in block.splitlines():
        if line.startswith("$ "):
            sys.stdout.write(f"{line}\n")
            lines += [line, *shell.run(line[2:])]
    return "\n".join(["```console", *lines, "```"])


def _wait_until_it_answers() -> None:
    deadline = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline:
        try:
            client.get(RUNTIME / "hostpod.sock", "/pods")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise LabError(f"the daemon does not answer: {(RUNTIME / 'journal').read_text()[-500:]}")


if __name__ == "__main__":
    sys.exit(main())
