"""What the tests of crashes and adoption are written with."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.place import patient
from tests.integration.harness import Daemon, LabError, statuses

READY = "ready on node"


def until(holds: Callable[[], object], what: str, *, within_s: float = 10) -> None:
    """Wait for something that no daemon tells of."""
    deadline = time.monotonic() + patient(within_s)
    while not holds():
        if time.monotonic() > deadline:
            raise LabError(f"not in time: {what}")
        time.sleep(0.01)


def identity(pod: Mapping[str, Any]) -> tuple[object, ...]:
    """What a pod keeps for its life, and what counts its restarts."""
    status = pod["status"]
    containers = {name: (each.get("containerID"), each["restartCount"]) for name, each in statuses(pod).items()}
    return pod["metadata"]["uid"], status.get("podIP"), status["startTime"], containers


def first_processes(daemon: Daemon, pod: str) -> dict[str, int]:
    """The first process of each container, and of pause."""
    return {name: pids[0] for name, pids in daemon.processes(pod).items()}


def monitors(daemon: Daemon) -> dict[str, int]:
    """The process of each conmon by its container's id."""
    found = {pid: re.search(r"conmon .*--cid ([0-9a-f]+)", text) for pid, text in daemon.traces.processes()}
    return {match[1]: pid for pid, match in found.items() if match}


def container_id(pod: Mapping[str, Any], container: str = "c0") -> str:
    """The id of a container's newest attempt, without the runtime's name."""
    return str(statuses(pod)[container]["containerID"]).rpartition("/")[2]


def run(*argv: str | Path) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=patient(20))


def reboot(daemon: Daemon) -> None:
    """What a reboot does: no process, mount, link, table or cgroup survives it, and /run is empty."""
    daemon.kill()
    until(lambda: _all_killed(daemon), "every process killed")
    for path in reversed(daemon.traces.mounts()):
        run("umount", "--lazy", path)
    for link in daemon.traces.links():
        with suppress(subprocess.CalledProcessError):  # the other end's removal took it along
            run("ip", "link", "delete", link)
    run("nft", "delete", "table", "inet", daemon.names.table)
    until(lambda: _cgroups_removed(daemon), "every cgroup removed")
    shutil.rmtree(daemon.runtime)
    daemon.runtime.mkdir()
    assert not daemon.traces.loop_files()


def _all_killed(daemon: Daemon) -> bool:
    left = daemon.traces.processes()
    for pid, _command in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return not left


def _cgroups_removed(daemon: Daemon) -> bool:
    for path in reversed(daemon.traces.cgroups()):
        with suppress(OSError):  # a process that was killed is on its way out
            path.rmdir()
    return not daemon.traces.cgroups()


def inventory(daemon: Daemon) -> Counter[str]:
    """How many things of each kind pods have on the host: the same pods have the same, whatever they went through."""
    return Counter(line.split(maxsplit=1)[0] for line in daemon.traces.of_pods()) + Counter(
        cgroup=len(daemon.traces.cgroups())
    )
