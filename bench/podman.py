"""`podman kube play` beside it, with the same pod on the same machine (PEERS=podman)."""

from __future__ import annotations

import json
import os
import resource
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

    def __init__(self, directory: Path, runtime: Path) -> None:
        self._directory = directory
        directory.mkdir()
        # podman's own default asks for more open files than a caller without CAP_SYS_RESOURCE may have.
        _, open_files = resource.getrlimit(resource.RLIMIT_NOFILE)
        settings = directory / "containers.conf"
        settings.write_text(
            f'[containers]\ndefault_ulimits = ["nofile={open_files}:{open_files}", "nproc=4096:4096"]\n'
            'log_driver = "k8s-file"\n[engine]\nevents_logger = "none"\n'
        )
        self._podman = [
            "env",
            f"CONTAINERS_CONF={settings}",
            "podman",
            f"--root={directory}/root",
            f"--runroot={runtime}/podman",
            f"--tmpdir={runtime}/podman-tmp",
            f"--network-config-dir={directory}/networks",
            "--network-backend=netavark",
            "--runtime=runc",
            "--cgroup-manager=cgroupfs",
        ]

    def fetch(self, registry: Registry) -> None:
        command([*self._podman, "pull", "--tls-verify=false", f"{registry.address}/library/busybox"], timeout_s=120)
        command([*self._podman, "tag", f"{registry.address}/library/busybox", "docker.io/library/busybox:latest"])

    def pull(self, name: str) -> float:
        """Seconds of a pull into empty storage."""
        command([*self._podman, "system", "reset", "--force"], timeout_s=600)
        command([*self._podman, "info"])  # makes its storage
        began = time.monotonic()
        command([*self._podman, "pull", "--quiet", "--tls-verify=false", name], timeout_s=600)
        return time.monotonic() - began

    def start(self, names: Sequence[str], marks: Marks) -> float:
        """Seconds from the first command to the last container's process; podman plays one pod after another."""
        for name in names:
            self._file(name).write_text(json.dumps(manifest(name, marks)))
        began = time.monotonic()
        for name in names:
            command([*self._podman, "kube", "play", self._file(name)])
        return marks.wait(names, within_s=60) - began

    def stop(self, names: Sequence[str]) -> float:
        """Seconds until the command that takes the pods down has returned."""
        began = time.monotonic()
        for name in names:
            command([*self._podman, "kube", "play", "--down", self._file(name)])
        return time.monotonic() - began

    def close(self) -> None:
        command([*self._podman, "system", "reset", "--force"], timeout_s=600)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _file(self, name: str) -> Path:
        return self._directory / f"{name}.json"
