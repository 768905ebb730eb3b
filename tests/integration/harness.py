"""What tests of the whole daemon are written with: `Daemon`, manifests, and a check that nothing is left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.instance import Instance
from lab.leaks import wait_until_gone
from lab.names import Names
from lab.place import LabError
from lab.registry import Registry, write_policy, write_registries_conf

NEEDED = ("runc", "conmon", "catatonit", "skopeo", "tar2sqfs", "nft", "ip", "mount", "dpkg-deb")
NODE = "lab"


def missing() -> str:
    """Why the daemon cannot be tested here; empty when it can."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [binary for binary in NEEDED if shutil.which(binary) is None]
    return f"not installed: {', '.join(absent)} (make setup)" if absent else ""


class Daemon(Instance):
    """An instance that pulls from the test registry. `end` fails when anything of it is left on the host."""

    def __init__(self, directory: Path, runtime: Path, *, registry: Registry, settings: Mapping[str, Any]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        images = {
            "registriesConf": str(write_registries_conf(directory / "registries.conf", registry)),
            "policy": str(write_policy(directory / "policy.json")),
        }
        merged = {**settings, "images": {**images, **settings.get("images", {})}}
        super().__init__(directory, runtime, names=Names.fresh(), settings=merged)

    def end(self) -> None:
        """Remove every manifest, wait for the pods to go, stop the daemon, and look for what is left."""
        try:
            self._remove_pods()
            left = wait_until_gone(self.traces, within_s=5)
            self.stop()
            left += [f"{line} (after the daemon's end)" for line in wait_until_gone(self.traces, within_s=2)]
        finally:
            if self.process is not None:
                self.kill()
            journal = self.last_lines()
            self.traces.sweep()
        assert not left, "left on the host:\n" + "\n".join(left) + f"\n{journal}"

    def _remove_pods(self) -> None:
        for manifest in self.manifests.iterdir():
            manifest.unlink()
        if self.process is None or self.process.poll() is not None:
            self.process = None
            if not self.traces.of_pods():
                return
            self.start()
        self.wait_for(lambda pods: not pods, what="every pod gone at the end of the test", within_s=60)


def pod(name: str, *commands: str, image: str = "busybox", grace_s: int = 1, **spec: Any) -> dict[str, Any]:
    """A v1 Pod with one container a shell command, named c0, c1, …; `spec` goes over the pod's spec."""
    containers = [
        {"name": f"c{number}", "image": image, "imagePullPolicy": "IfNotPresent", "command": ["/bin/sh", "-c", command]}
        for number, command in enumerate(commands or (FOREVER,))
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": containers, "terminationGracePeriodSeconds": grace_s, **spec},
    }


FOREVER = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
"""A shell that ends at once on SIGTERM, though it is process 1 of its container."""


def statuses(pod: Mapping[str, Any]) -> dict[str, Any]:
    """A pod's container statuses by container name."""
    return {status["name"]: status for status in pod["status"].get("containerStatuses", [])}


def reasons(events: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """The reasons of a pod's events, oldest first."""
    return [event["reason"] for event in events if event["involvedObject"]["name"] == name]


__all__ = ["FOREVER", "NODE", "Daemon", "LabError", "missing", "pod", "reasons", "statuses"]
