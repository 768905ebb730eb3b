"""The floor: what a pod costs when its steps are done bare and in a row, with nothing that manages them.

A network namespace with a veth pair on a bridge (iproute2), `runc create` and `start` of a pause container and of one
busybox container in its namespaces. No image, no overlay, no log, no state: a person with a shell does no less.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.marks import Marks, script
from hostpod.oci.defaults import CAPABILITIES
from hostpod.oci.seccomp import default_profile
from lab import images
from lab.place import LabError, command

BRIDGE = "floor0"
CGROUP = "hostpod-bench-floor"
_PR_SET_CHILD_SUBREAPER = 36
_NAMESPACE_TYPES = ("ipc", "mount", "network", "pid", "uts")


@dataclass(frozen=True, kw_only=True, slots=True)
class FloorSample:
    """One pod made bare: wall time of each step, CPU time of them all, and how long its processes took to end."""

    network_ms: float
    pause_ms: float
    container_ms: float
    cpu_ms: float
    stop_ms: float

    @property
    def wall_ms(self) -> float:
        return self.network_ms + self.pause_ms + self.container_ms


class Floor:
    """Bundles and a bridge, made once; `measure` makes one pod and takes it away again."""

    def __init__(self, directory: Path, runtime: Path, marks: Marks) -> None:
        self._directory = directory
        self._runc = ["runc", "--root", str(runtime / "floor")]
        self._marks = marks
        self._rootfs = directory / "rootfs"
        unpack_image(images.layout("busybox"), self._rootfs)
        pause = shutil.which("catatonit") or "/usr/bin/catatonit"
        (directory / "pause-rootfs").mkdir()
        shutil.copy(pause, directory / "pause-rootfs/pause")
        command(["ip", "link", "add", BRIDGE, "type", "bridge"])
        command(["ip", "address", "add", "10.99.0.1/16", "dev", BRIDGE])
        command(["ip", "link", "set", BRIDGE, "up"])

    def measure(self, number: int) -> FloorSample:
        name = f"floor{number}"
        with _reaping_orphans():
            cpu = _cpu_s()
            began = time.monotonic()
            network = self._network(name, number)
            networked = time.monotonic()
            pause = self._run(f"{name}-pause", self._pause(network))
            paused = time.monotonic()
            sandbox = {kind: f"/proc/{pause}/ns/{file}" for kind, file in (("ipc", "ipc"), ("uts", "uts"))}
            container = self._run(name, self._container(name, {"network": network, **sandbox}))
            touched = self._marks.wait([name], within_s=20)
            stopping = time.monotonic()
            command([*self._runc, "kill", name, "TERM"])
            _reap(container)
            os.kill(pause, signal.SIGKILL)
            _reap(pause)
            stopped = time.monotonic()
            cpu = _cpu_s() - cpu
        self._delete(name)
        return FloorSample(
            network_ms=(networked - began) * 1000,
            pause_ms=(paused - networked) * 1000,
            container_ms=(touched - paused) * 1000,
            cpu_ms=cpu * 1000,
            stop_ms=(stopped - stopping) * 1000,
        )

    def _network(self, name: str, number: int) -> str:
        command(["ip", "netns", "add", name])
        command(
            ["ip", "link", "add", f"v{name}", "master", BRIDGE, "up", "type", "veth", "peer", "eth0", "netns", name]
        )
        inside = (
            f"address add 10.99.{number // 250 + 1}.{number % 250 + 1}/16 dev eth0\n"
            "link set lo up\nlink set eth0 up\nroute add default via 10.99.0.1\n"
        )
        subprocess.run(["ip", "-n", name, "-batch", "-"], input=inside, text=True, check=True)
        return f"/run/netns/{name}"

    def _run(self, cid: str, spec: dict[str, Any]) -> int:
        bundle = self._directory / cid
        bundle.mkdir()
        (bundle / "config.json").write_text(json.dumps(spec))
        with (bundle / "output").open("wb") as output:
            create = [*self._runc, "create", "--bundle", str(bundle), "--pid-file", str(bundle / "pid"), cid]
            subprocess.run(create, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=True)
        subprocess.run([*self._runc, "start", cid], check=True)
        return int((bundle / "pid").read_text())

    def _pause(self, network: str) -> dict[str, Any]:
        root = str(self._directory / "pause-rootfs")
        return _spec(["/pause", "-P"], root=root, joined={"network": network}, mounts=[])

    def _container(self, name: str, joined: dict[str, str]) -> dict[str, Any]:
        mark = {
            "destination": "/mark",
            "source": str(self._marks.directory),
            "type": "bind",
            "options": ["rbind", "rw"],
        }
        spec = _spec(["/bin/sh", "-c", script(name)], root=str(self._rootfs), joined=joined, mounts=[mark])
        spec["linux"]["seccomp"] = default_profile(CAPABILITIES, os.uname().machine)
        return spec

    def _delete(self, name: str) -> None:
        for cid in (name, f"{name}-pause"):
            command([*self._runc, "delete", "--force", cid])
            shutil.rmtree(self._directory / cid)
        command(["ip", "netns", "delete", name])

    def close(self) -> None:
        command(["ip", "link", "delete", BRIDGE])
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            if " - cgroup" in line:
                with suppress(OSError):
                    (Path(line.split()[4]) / CGROUP).rmdir()


def unpack_image(layout: Path, target: Path) -> None:
    """All layers of a layout over each other; the images of the lab have no whiteouts that matter here."""
    target.mkdir(parents=True)
    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(_blob(layout, index["manifests"][0]["digest"]).read_bytes())
    for layer in manifest["layers"]:
        command(["tar", "-x", "-f", _blob(layout, layer["digest"]), "-C", target])


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


def _spec(argv: Sequence[str], *, root: str, joined: dict[str, str], mounts: list[dict[str, Any]]) -> dict[str, Any]:
    """As little as a container needs to run: what `runc spec` writes, without rlimits."""
    capabilities = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETGID", "CAP_SETUID"]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": list(argv),
            "env": ["PATH=/bin:/sbin:/usr/bin"],
            "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), capabilities),
            "noNewPrivileges": True,
        },
        "root": {"path": root},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
            },
            *mounts,
        ],
        "linux": {
            "cgroupsPath": f"/{CGROUP}/{os.urandom(4).hex()}",
            "namespaces": [
                {"type": kind, **({"path": joined[kind]} if kind in joined else {})} for kind in _NAMESPACE_TYPES
            ],
        },
    }


@contextmanager
def _reaping_orphans() -> Iterator[None]:
    """Containers become this process's children, so that their CPU time is known once they have ended."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _reap(pid: int) -> None:
    got, _ = os.waitpid(pid, 0)
    if got != pid:
        raise LabError(f"process {pid} is not this one's to wait for")


def _cpu_s() -> float:
    usages = (resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
