"""The files every pod has: /etc/hosts, /etc/hostname, /etc/resolv.conf and /dev/shm.

They are on one tmpfs of the pod's own: a container may write to all of them, and must fill neither the host's disk nor
its memory so (CVE-2020-8557). One, because every mount of the host makes each call of runc slower.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hostpod.host.mount import MountFlag, mount, unmount
from hostpod.host.store import remove_tree
from hostpod.kube import Pod, PodSpec
from hostpod.volumes.empty_dir import is_mounted
from hostpod.volumes.hosts import render_host_network_hosts, render_hosts
from hostpod.volumes.resolv import for_pod, parse_resolv_conf, render_resolv_conf, with_config
from hostpod.volumes.sizes import SHM_BYTES, WRITTEN_BYTES

FILES = "files"

HOST_HOSTS = Path("/etc/hosts")
HOST_RESOLV_CONF = Path("/etc/resolv.conf")
# systemd-resolved keeps the servers that its stub at 127.0.0.53 asks here.
BEHIND_STUB = Path("/run/systemd/resolve/resolv.conf")
HOST_SHM = Path("/dev/shm")  # noqa: S108 - not a temporary file, but what a pod in the host's IPC namespace sees


@dataclass(frozen=True, kw_only=True, slots=True)
class PodFiles:
    """Where the files are, ready to be bound to the place that each has in a container."""

    hosts: Path
    hostname: Path
    resolv_conf: Path
    shm: Path

    def places(self) -> tuple[tuple[Path, str], ...]:
        """Each file with its place."""
        return (
            (self.hosts, "/etc/hosts"),
            (self.hostname, "/etc/hostname"),
            (self.resolv_conf, "/etc/resolv.conf"),
            (self.shm, "/dev/shm"),  # noqa: S108
        )


def write_pod_files(
    pod: Pod, *, runtime: Path, hostname: str, nodename: str, addresses: Sequence[str], owner: int = 0
) -> PodFiles:
    """Make what is missing of a pod's files below `runtime`; what is there stays: containers may have changed it.

    `addresses` are none for a pod on the host's network, `owner` is who the pod's root is.
    """
    own = runtime / FILES
    _mount_once(own, f"mode=0755,size={WRITTEN_BYTES if pod.spec.host_ipc else SHM_BYTES}")
    files = PodFiles(
        hosts=own / "hosts",
        hostname=own / "hostname",
        resolv_conf=own / "resolv.conf",
        shm=HOST_SHM if pod.spec.host_ipc else own / "shm",
    )
    if not pod.spec.host_ipc:
        files.shm.mkdir(exist_ok=True)
        files.shm.chmod(0o1777)
    if not _is_written(files.hosts):
        _write(files.hosts, _hosts(pod, hostname, addresses))
    if not _is_written(files.hostname):
        _write(files.hostname, f"{nodename}\n")
    if not _is_written(files.resolv_conf):
        _write(files.resolv_conf, _resolv_conf(pod.spec, own_network=bool(addresses)))
    if owner:
        for file, _ in files.places():
            os.chown(file, owner, owner)
    return files


def remove_pod_files(runtime: Path) -> None:
    """Remove them all; nothing when there are none."""
    unmount(runtime / FILES)
    remove_tree(runtime / FILES)


def _mount_once(directory: Path, options: str) -> None:
    if not is_mounted(directory):
        directory.mkdir(parents=True, exist_ok=True)
        mount("hostpod", directory, "tmpfs", MountFlag.NO_SUID | MountFlag.NO_DEV | MountFlag.NO_EXEC, options)


def _hosts(pod: Pod, hostname: str, addresses: Sequence[str]) -> str:
    aliases = pod.spec.host_aliases
    if not addresses:
        return render_host_network_hosts(_text(HOST_HOSTS), aliases)
    return render_hosts(addresses=addresses, hostname=hostname, subdomain=pod.spec.subdomain, aliases=aliases)


def _resolv_conf(spec: PodSpec, *, own_network: bool) -> str:
    text = "" if spec.dns_policy == "None" else _text(HOST_RESOLV_CONF)
    resolver = parse_resolv_conf(text)
    if own_network:
        behind = parse_resolv_conf(_text(BEHIND_STUB)) if text and resolver.only_loopback else None
        resolver = for_pod(resolver, behind)
    elif spec.dns_config is None:
        return text
    return render_resolv_conf(with_config(resolver, spec.dns_config) if spec.dns_config else resolver)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""


def _is_written(path: Path) -> bool:
    # A crash between making the file and its one write leaves it empty.
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(descriptor, 0o644)
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
