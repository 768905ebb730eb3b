"""The measurements run in network and mount namespaces of their own, so nothing of them touches the machine's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from lab.place import command

RUNTIME = Path("/run/hostpod-bench")
_INSIDE = "HOSTPOD_BENCH_INSIDE"


def enter() -> None:
    """Run this program again inside fresh namespaces and end with its exit code; returns when it is there."""
    if _INSIDE not in os.environ:
        RUNTIME.mkdir(exist_ok=True)
        unshare = ["unshare", "--net", "--mount", "--propagation", "private", "--"]
        again = [sys.executable, "-m", "bench", *sys.argv[1:]]
        try:
            code = subprocess.run([*unshare, *again], env={**os.environ, _INSIDE: "1"}, check=False).returncode
        finally:
            with suppress(OSError):  # another run has it
                RUNTIME.rmdir()
        sys.exit(code)
    command(["mount", "-t", "tmpfs", "-o", "mode=0755", "hostpod-bench", RUNTIME])
    for arguments in (
        "link set lo up",
        "link add uplink0 type veth peer name outside0",
        "address add 192.0.2.2/24 dev uplink0",
        "link set uplink0 up",
        "link set outside0 up",
        "route add default via 192.0.2.1",
    ):
        command(["ip", *arguments.split()])


def busy_percent(*, over_s: float = 1.0) -> float:
    """How much of all cores other work takes: figures from a busy machine say little."""
    before = _jiffies()
    time.sleep(over_s)
    busy, total = (after - earlier for after, earlier in zip(_jiffies(), before, strict=True))
    return 100 * busy / max(total, 1)


def _jiffies() -> tuple[int, int]:
    values = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(values) - values[3] - values[4], sum(values)
