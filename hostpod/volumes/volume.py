"""One volume of a pod, whatever its kind: made or found, and where it lies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hostpod.host.mount import MountError
from hostpod.kube import Pod, Volume, VolumeMount
from hostpod.volumes import empty_dir
from hostpod.volumes.claims import Claim, bind_claim
from hostpod.volumes.errors import VolumeError, reason
from hostpod.volumes.host_path import open_host_path
from hostpod.volumes.huge_pages import HUGE_PAGES_MEDIUM, huge_page_bytes
from hostpod.volumes.ownership import Group, give_to_group, give_to_root, group_of
from hostpod.volumes.propagation import Propagation, propagation_of, require_propagation, share
from hostpod.volumes.sizes import memory_volume_bytes


def limit_on_disk(volume: Volume) -> int | None:
    """The size that an emptyDir on disk is held to, if any."""
    source = volume.empty_dir
    if source is None or source.medium or source.size_limit is None or source.size_limit.value <= 0:
        return None
    return source.size_limit.value


def open_claim(pod: Pod, volume: Volume, claims: Path, place: Path) -> Path:
    """Show the volume's claim at its place of the pod's own."""
    source = volume.persistent_volume_claim
    assert source is not None, "only such volumes are claims"
    claim = Claim(namespace=pod.metadata.namespace or "default", name=source.claim_name)
    bind_claim(claims, claim, place, None if source.read_only else group_of(pod))
    if _propagations(pod, volume.name):
        share(place)
    return place


def open_volume(pod: Pod, volume: Volume, directory: Path, *, memory_limit_bytes: int | None, owner: int = 0) -> Path:
    """Make the volume, or find it, and return where it lies; `directory` is its place if it is hostpod's own.

    An emptyDir with a limit on disk is there already: see `empty_dir.open_limited`. `owner` is who the pod's root is.
    """
    wanted = _propagations(pod, volume.name)
    if volume.host_path is not None:
        path = open_host_path(Path(volume.host_path.path), volume.host_path.type or "")
        for propagation in wanted:
            require_propagation(path, propagation)
        return path
    _open_empty_dir(pod, volume, directory, memory_limit_bytes)
    if owner:
        give_to_root(directory, owner)
    if (context := pod.spec.security_context) is not None and context.fs_group is not None:
        give_to_group(directory, Group(gid=owner + context.fs_group, own=True))
    if wanted:
        share(directory)
    return directory


def _open_empty_dir(pod: Pod, volume: Volume, directory: Path, memory_limit_bytes: int | None) -> None:
    source = volume.empty_dir
    if source is None:
        raise VolumeError("this kind of volume is not supported")
    if source.medium == "Memory":
        size = memory_volume_bytes(
            size_limit=source.size_limit.value if source.size_limit and source.size_limit.value > 0 else None,
            pod_limit=memory_limit_bytes,
            host_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        )
        empty_dir.open_memory(directory, size)
    elif (source.medium or "").startswith(HUGE_PAGES_MEDIUM):
        empty_dir.open_huge_pages(
            directory,
            huge_page_bytes(pod, source.medium or ""),
            size_bytes=source.size_limit.value if source.size_limit and source.size_limit.value > 0 else None,
        )
    elif limit_on_disk(volume) is None:
        empty_dir.open_directory(directory)


def _propagations(pod: Pod, volume: str) -> set[Propagation]:
    """What containers want of it beside being left alone."""
    return {propagation_of(mount.mount_propagation) for mount in _mounts(pod, volume)} - {"private"}


def _mounts(pod: Pod, volume: str) -> Iterator[VolumeMount]:
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        yield from (mount for mount in container.volume_mounts if mount.name == volume)


@contextmanager
def naming(volume: str) -> Iterator[None]:
    """Errors inside are about this volume, and say so."""
    try:
        yield
    except (VolumeError, MountError) as error:
        raise VolumeError(f'volume "{volume}": {error}') from error
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        raise VolumeError(f'volume "{volume}": {place}{reason(error)}') from error
