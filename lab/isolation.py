"""A host of one's own inside this one: a program runs itself again in fresh network and mount namespaces.

What it starts there, a registry, daemons, containers, touches neither the machine's network nor its mounts, and goes
with the last of them. Control groups and loop devices are the machine's: leaks.py looks at those by name.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from lab.place import command

_INSIDE = "HOSTPOD_LAB_INSIDE"
_NETWORK = (
    "link set lo up",
    "link add uplink0 type veth peer name outside0",
    "address add 192.0.2.2/24 dev uplink0",
    "link set outside0 up",
    "link set uplink0 up",
    "route add default via 192.0.2.1",
)


def enter(module: str, *, in_memory: Sequence[Path], hostname: str | None = None) -> None:
    """Run `python -m MODULE` again with the same arguments in there, and end with its exit code; returns inside.

    It has loopback, an uplink that leads nowhere, and an empty tmpfs at each of the directories `in_memory`.
    """
    if _INSIDE not in os.environ:
        sys.exit(_run_again(module, in_memory))
    command(["mount", "--make-rshared", "/"])
    for directory in in_memory:
        command(["mount", "-t", "tmpfs", "-o", "mode=0755", "hostpod-lab", directory])
    for arguments in _NETWORK:
        command(["ip", *arguments.split()])
    if hostname is not None:
        command(["hostname", hostname])


def _run_again(module: str, directories: Sequence[Path]) -> int:
    unshare = ["unshare", "--net", "--mount", "--uts", "--propagation", "private", "--"]
    again = [sys.executable, "-m", module, *sys.argv[1:]]
    with ExitStack() as made:
        for directory in directories:
            if not directory.exists():
                directory.mkdir()
                made.callback(_remove_empty, directory)
        return subprocess.run([*unshare, *again], env={**os.environ, _INSIDE: "1"}, check=False).returncode


def _remove_empty(directory: Path) -> None:
    with suppress(OSError):  # another run has it
        directory.rmdir()
