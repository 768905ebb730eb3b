"""What tests of the whole daemon are written with: `Daemon`, manifests, and a check that nothing is left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab import client
from lab.instance import Instance
from lab.leaks import text_if_there, wait_until_gone
from lab.names import Names
from lab.place import LabError, patient
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
            if not left:
                left = [f"{line} (after the daemon's end)" for line in self.traces.of_instance()]
        finally:
            if self.process is not None:
                self.kill()
            journal = self.last_lines() if self.journal.exists() else ""
            self.traces.sweep()
        assert not left, "left on the host:\n" + "\n".join(left) + f"\n{journal}"

    def clear(self) -> None:
        """Remove every manifest and wait until nothing of the pods is left; the daemon runs on."""
        self._remove_pods()
        left = wait_until_gone(self.traces, within_s=5)
        if self.process is None:
            self.start()
        assert not left, "left by this test:\n" + "\n".join(left) + f"\n{self.last_lines()}"

    def said(self, pod: str, container: str = "c0", *, previous: bool = False) -> str:
        """What a container has written so far, over the socket (a command would take its start's time)."""
        query = "?previous=true" if previous else ""
        status, body = client.request(self.socket, f"/containerLogs/default/{pod}/{container}{query}")
        assert status == 200, body.decode()
        return body.decode()

    def wait_said(self, pod: str, text: str, container: str = "c0", *, within_s: float = 10) -> str:
        """What a container has written, as soon as `text` is in it: a followed log is told of each line."""
        self.wait_container(pod, lambda status: "waiting" not in status["state"], container=container, what="started")
        url = f"/containerLogs/default/{pod}/{container}?follow=true"
        written = ""
        with client.lines(self.socket, url, timeout_s=within_s) as lines:
            for line in lines:
                written += line
                if text in written:
                    return written
        raise LabError(f"{pod} {container} has ended and never said {text!r}, only:\n{written}")

    def wait_phase(self, pod: str, phase: str) -> dict[str, Any]:
        """A pod as soon as it is in this phase. LabError at once when it has ended in another."""
        final = {phase, "Succeeded", "Failed"}
        pods = self.wait_for(
            lambda pods: pod in pods and pods[pod]["status"]["phase"] in final, what=f"{pod} {phase.lower()}"
        )
        if pods[pod]["status"]["phase"] != phase:
            raise LabError(f"{pod} is not {phase}: {pods[pod]['status']['containerStatuses']}")
        return pods[pod]

    def wait_container(
        self, pod: str, holds: Callable[[dict[str, Any]], object], *, container: str = "c0", what: str
    ) -> dict[str, Any]:
        """A container's status as soon as `holds(status)`."""
        pods = self.wait_for(
            lambda pods: pod in pods and container in statuses(pods[pod]) and holds(statuses(pods[pod])[container]),
            what=f"{pod} {container}: {what}",
        )
        found: dict[str, Any] = statuses(pods[pod])[container]
        return found

    def processes(self, pod: str) -> dict[str, list[int]]:
        """The processes of each running container of a pod and of `pause`, the first one first."""
        shown = self.pods()[pod]
        root, uid = self.names.cgroup_root, shown["metadata"]["uid"].replace("-", "_")
        names = {"pause": "pause", f"{root}-pause-{uid}.scope": "pause"}
        for name, status in statuses(shown).items():
            cid = status.get("containerID", "").rpartition("/")[2]
            names |= {cid: name, f"{root}-{cid}.scope": name}
        found: dict[str, set[int]] = {}
        for path in self.traces.cgroups():
            pods = (f"pod{shown['metadata']['uid']}", f"-pod{uid}.slice")
            if path.name in names and path.parent.name.endswith(pods):
                pids = map(int, text_if_there(path / "cgroup.procs").split())
                found.setdefault(names[path.name], set()).update(pids)
        return {name: sorted(pids) for name, pids in found.items() if pids}

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
        container(f"c{number}", command, image=image) for number, command in enumerate(commands or (FOREVER,))
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": containers, "terminationGracePeriodSeconds": grace_s, **spec},
    }


EVERY_SECOND = {"periodSeconds": 1, "timeoutSeconds": int(patient(5)), "failureThreshold": 1}
"""Of a probe whose first answer counts."""

FOREVER = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
"""A shell that ends at once on SIGTERM, though it is process 1 of its container."""


def statuses(pod: Mapping[str, Any]) -> dict[str, Any]:
    """A pod's container statuses by container name, those of init containers first."""
    told = pod["status"]
    return {each["name"]: each for each in (*told.get("initContainerStatuses", ()), *told.get("containerStatuses", ()))}


def container(name: str, command: str, **fields: Any) -> dict[str, Any]:
    """One container that runs a shell command, for `initContainers` or `containers` of a pod."""
    base = {"name": name, "image": "busybox", "imagePullPolicy": "IfNotPresent", "command": ["/bin/sh", "-c", command]}
    return base | fields


def conditions(pod: Mapping[str, Any]) -> dict[str, tuple[str, str | None]]:
    """Status and reason of a pod's conditions by type."""
    return {each["type"]: (each["status"], each.get("reason")) for each in pod["status"]["conditions"]}


def waiting(status: Mapping[str, Any]) -> str:
    """Why a container waits; empty when it does not."""
    return str(status["state"].get("waiting", {}).get("reason", ""))


def reasons(events: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """The reasons of a pod's events, oldest first."""
    return [event["reason"] for event in events if event["involvedObject"]["name"] == name]


def seen(node: Daemon, script: str, *, spec: dict[str, Any] | None = None, **container: Any) -> str:
    """What a shell script prints in a container; `container` are fields of the container, `spec` of the pod."""
    manifest = pod(f"look{len(node.pods())}", script, restartPolicy="Never", hostname="look", **(spec or {}))
    manifest["spec"]["containers"][0] |= container
    node.drop(f"{manifest['metadata']['name']}.yaml", manifest)
    name = f"{manifest['metadata']['name']}-lab"
    node.wait_phase(name, "Succeeded")
    return node.said(name)


__all__ = [
    "EVERY_SECOND",
    "FOREVER",
    "NODE",
    "Daemon",
    "LabError",
    "conditions",
    "container",
    "missing",
    "pod",
    "reasons",
    "seen",
    "statuses",
    "waiting",
]
