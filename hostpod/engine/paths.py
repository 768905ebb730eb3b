"""Where everything of a pod lies. State survives a reboot and is wiped after it; runtime is emptied by it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hostpod.config import DirectoriesConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerPaths:
    """One attempt of a container. `bundle` is on the runtime side, `layer` holds its writable layer on disk."""

    bundle: Path
    layer: Path

    @property
    def record(self) -> Path:
        return self.bundle / "record.json"

    @property
    def rootfs(self) -> Path:
        return self.bundle / "rootfs"

    @property
    def upper(self) -> Path:
        return self.layer / "upper"

    @property
    def work(self) -> Path:
        return self.layer / "work"

    @property
    def termination_log(self) -> Path:
        """On disk and not on the runtime side, which is memory: a container may write as much as it likes."""
        return self.layer / "termination-log"

    @property
    def pid_file(self) -> Path:
        return self.bundle / "pidfile"

    @property
    def conmon_pid_file(self) -> Path:
        return self.bundle / "conmon.pid"


PRIVATE = 0o700
"""The mode of a pod's directory on disk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PodPaths:
    """One pod, by its uid."""

    runtime: Path
    state: Path

    @property
    def record(self) -> Path:
        return self.runtime / "pod.json"

    @property
    def pause(self) -> Path:
        return self.runtime / "pause"

    @property
    def pause_pid_file(self) -> Path:
        return self.pause / "pidfile"

    @property
    def containers(self) -> Path:
        return self.runtime / "containers"

    def container(self, cid: str) -> ContainerPaths:
        """Paths of one attempt; the directory name is short because paths of mounts add up."""
        return ContainerPaths(bundle=self.containers / cid[:12], layer=self.state / "containers" / cid[:12])


def close_to_others(paths: PodPaths, first_id: int) -> None:
    """A pod's directories are for root alone: Secrets are below, and programs with root's rights.

    That of its records is made; that on disk is where it has something there. The pod's own root, `first_id` on the
    host, is let through on its way to the roots of its containers.
    """
    paths.runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chown(paths.runtime, -1, first_id)
    paths.runtime.chmod(0o710 if first_id else 0o700)
    if paths.state.is_dir():
        paths.state.chmod(PRIVATE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Paths:
    """The whole instance."""

    state: Path
    runtime: Path
    logs: Path
    log_links: Path
    claims: Path

    @classmethod
    def of(cls, directories: DirectoriesConfig) -> Paths:
        return cls(
            state=directories.state,
            runtime=directories.runtime,
            logs=directories.logs,
            log_links=directories.log_links,
            claims=directories.claims or directories.state / "claims",
        )

    @property
    def pods(self) -> Path:
        return self.runtime / "pods"

    @property
    def pod_states(self) -> Path:
        return self.state / "pods"

    @property
    def runc(self) -> Path:
        return self.runtime / "runc"

    @property
    def exits(self) -> Path:
        return self.runtime / "exits"

    @property
    def attach(self) -> Path:
        return self.runtime / "attach"

    @property
    def leases(self) -> Path:
        return self.runtime / "leases"

    @property
    def layers(self) -> Path:
        return self.runtime / "layers"

    @property
    def pause_root(self) -> Path:
        return self.runtime / "pause"

    @property
    def service_accounts(self) -> Path:
        """The key that tokens are signed with; made where a pod asks for a token."""
        return self.state / "service-accounts"

    @property
    def images(self) -> Path:
        return self.state / "images"

    @property
    def images_scratch(self) -> Path:
        """What is on its way into the store; emptied at every start."""
        return self.images / "tmp"

    @property
    def preload(self) -> Path:
        """Archives of images that are loaded at the start, unless the settings name another directory."""
        return self.state / "preload"

    def pod(self, uid: str) -> PodPaths:
        return PodPaths(runtime=self.pods / uid, state=self.pod_states / uid)

    def pod_logs(self, namespace: str, name: str, uid: str) -> Path:
        """The kubelet's layout: <ns>_<name>_<uid>/<container>/<restartCount>.log."""
        return self.logs / f"{namespace}_{name}_{uid}"

    def log_link(self, namespace: str, name: str, container: str, cid: str) -> Path:
        return self.log_links / f"{name}_{namespace}_{container}-{cid}.log"
