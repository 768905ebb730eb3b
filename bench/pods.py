"""hostpod under the clock: one pod, many pods, nothing to do, and a restart."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.marks import Marks, script
from lab.instance import Instance
from lab.leaks import text_if_there
from lab.place import LabError, command

_RUNS_WITHIN_S = 60
_ENDS_WITHIN_S = 60


def manifest(name: str, marks: Marks) -> dict[str, Any]:
    """A pod with one busybox container that touches its file in the marks directory."""
    container = {
        "name": "main",
        "image": "busybox",
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", script(name)],
        "volumeMounts": [{"name": "mark", "mountPath": "/mark"}],
    }
    volume = {"name": "mark", "hostPath": {"path": str(marks.directory)}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], "volumes": [volume]},
    }


class Pods:
    """Starts and ends pods of one instance and tells how long it took."""

    def __init__(self, instance: Instance, marks: Marks) -> None:
        self._instance = instance
        self._marks = marks

    def start(self, names: Sequence[str]) -> float:
        """Seconds from the first manifest's rename into place to the last container's process."""
        drafts = {name: self._instance.directory / f"draft-{name}" for name in names}
        for name, draft in drafts.items():
            draft.write_text(json.dumps(manifest(name, self._marks)))
        began = time.monotonic()
        for name, draft in drafts.items():
            draft.rename(self._instance.manifests / f"{name}.json")
        return self._marks.wait(names, within_s=_RUNS_WITHIN_S) - began

    def stop(self, names: Sequence[str]) -> tuple[float, float]:
        """Seconds from the manifests' removal to the last process's end, and to nothing being left of the pods."""
        watched = [os.pidfd_open(pid) for pid in self._processes()]
        began = time.monotonic()
        for name in names:
            (self._instance.manifests / f"{name}.json").unlink()
        try:
            _wait_for_end(watched)
            ended = time.monotonic()
        finally:
            for fd in watched:
                os.close(fd)
        self._instance.wait_for(lambda pods: not pods, what="every pod gone", within_s=_ENDS_WITHIN_S)
        gone = time.monotonic()
        self._marks.clear()
        return ended - began, gone - began

    def _processes(self) -> list[int]:
        """The processes of all pods' cgroups."""
        lists = [path / "cgroup.procs" for path in self._instance.traces.cgroups()]
        return sorted({int(pid) for each in lists for pid in text_if_there(each).split()})


def _wait_for_end(pidfds: Sequence[int]) -> None:
    poller = select.poll()
    for fd in pidfds:
        poller.register(fd, select.POLLIN)
    left, deadline = set(pidfds), time.monotonic() + _ENDS_WITHIN_S
    while left:
        ended = poller.poll(max(0.0, deadline - time.monotonic()) * 1000)
        if not ended:
            raise LabError(f"{len(left)} processes did not end within {_ENDS_WITHIN_S} s")
        for fd, _ in ended:
            poller.unregister(fd)
            left.discard(fd)


def idle_cpu_percent(pid: int, *, over_s: float) -> float:
    """Share of one core that a process takes, from the scheduler's own nanoseconds."""
    before, began = _run_ns(pid), time.monotonic()
    time.sleep(over_s)
    return (_run_ns(pid) - before) / 1e7 / (time.monotonic() - began)


def _run_ns(pid: int) -> int:
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident and proportional memory in MB (10^6 bytes)."""
    fields = dict(
        line.split(":", 1)
        for name in ("status", "smaps_rollup")
        for line in Path(f"/proc/{pid}/{name}").read_text().splitlines()
        if line.startswith(("VmRSS:", "Pss:"))
    )
    return tuple(int(fields[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "Pss"))  # type: ignore[return-value]


def command_ms(instance: Instance, *arguments: str) -> float:
    """Wall time of one run of the hostpod command."""
    argv = [str(Path(sys.executable).with_name("hostpod")), "--socket", str(instance.socket), *arguments]
    began = time.monotonic()
    command(argv)
    return (time.monotonic() - began) * 1000
