"""`podman kube play` beside it, with the same pod on the same machine (PEERS=podman)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench.marks import Marks
from bench.pods import manifest
from lab.place import LabError, command
from lab.registry import Registry


def install() -> None:
    """podman and what its pods need; LabError where it does not install."""
    if shutil.which("podman") is None:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "install", "--yes", "--quiet", "--quiet", "--no-install-recommends"]
        packages = ["podman", "netavark", "aardvark-dns", "iptables"]
        done = subprocess.run([*install, *packages], env=environment, check=False, capture_output=True, text=True)
        if done.returncode:
            raise LabError(f"podman does not install: {done.stderr.strip().splitlines()[-1:]}")


class Podman:
    """A podman with storage of its own."""

    def __init__(self, directory: Path, runtime: Path, registry: Registry, marks: Marks) -> None:
        self._directory = directory
        self._marks = marks
        directory.mkdir()
        self._podman = [
            "podman",
            f"--root={directory}/root",
            f"--runroot={runtime}/podman",
            f"--tmpdir={runtime}/podman-tmp",
            f"--network-config-dir={directory}/networks",
            "--network-backend=netavark",
            "--runtime=runc",
            "--cgroup-manager=cgroupfs",
            "--events-backend=none",
        ]
        command([*self._podman, "pull", "--tls-verify=false", f"{registry.address}/library/busybox"], timeout_s=120)
        command([*self._podman, "tag", f"{registry.address}/library/busybox", "docker.io/library/busybox:latest"])

    def start(self, names: Sequence[str]) -> float:
        """Seconds from the first command to the last container's process; podman plays one pod after another."""
        for name in names:
            self._file(name).write_text(json.dumps(manifest(name, self._marks)))
        began = time.monotonic()
        for name in names:
            command([*self._podman, "kube", "play", self._file(name)])
        return self._marks.wait(names, within_s=60) - began

    def stop(self, names: Sequence[str]) -> float:
        """Seconds until the command that takes the pods down has returned."""
        began = time.monotonic()
        for name in names:
            command([*self._podman, "kube", "play", "--down", self._file(name)])
        took = time.monotonic() - began
        self._marks.clear()
        return took

    def close(self) -> None:
        command([*self._podman, "system", "reset", "--force"])
        shutil.rmtree(self._directory, ignore_errors=True)

    def _file(self, name: str) -> Path:
        return self._directory / f"{name}.json"
