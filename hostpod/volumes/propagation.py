"""mountPropagation: whether mounts made on one side of a volume are seen on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from hostpod.host.mount import bind, mounts
from hostpod.host.mountinfo import MountEntry
from hostpod.volumes.errors import VolumeError

Propagation = Literal["private", "slave", "shared"]

_PROPAGATION: Mapping[str | None, Propagation] = {
    None: "private",
    "None": "private",
    "HostToContainer": "slave",
    "Bidirectional": "shared",
}


def propagation_of(mount_propagation: str | None) -> Propagation:
    """Kubernetes' word as the kernel's."""
    return _PROPAGATION[mount_propagation]


def mount_of(path: Path, entries: Sequence[MountEntry]) -> MountEntry | None:
    """The mount that a path lies on: the deepest, and of several on one place the topmost. Pure."""
    found: MountEntry | None = None
    for entry in entries:
        if path.is_relative_to(entry.target) and (found is None or entry.target.is_relative_to(found.target)):
            found = entry
    return found


def can_propagate(entry: MountEntry | None, wanted: Propagation) -> bool:
    """Whether mounts on `entry` reach a bind of it (slave), and also the other way (shared). Pure."""
    kinds = [field.partition(":")[0] for field in entry.propagation] if entry else []
    return wanted == "private" or "shared" in kinds or (wanted == "slave" and "master" in kinds)


def share(directory: Path) -> None:
    """Make a directory of hostpod's own a mount that propagates, whatever it lies on."""
    entry = mount_of(directory, mounts())
    if entry is None or entry.target != directory or not can_propagate(entry, "shared"):
        bind(directory, directory, recursive=True, propagation="shared")


def require_propagation(path: Path, wanted: Propagation) -> None:
    """VolumeError when the mount under a hostPath does not propagate: it is the host's, and not changed."""
    entry = mount_of(path.resolve(), mounts())
    if can_propagate(entry, wanted):
        return
    target = entry.target if entry else Path("/")
    needed = "shared" if wanted == "shared" else "shared or a slave"
    raise VolumeError(
        f"hostPath {path} is on mount {target}, which is not {needed} as its mountPropagation needs; "
        f"mount --make-shared {target} makes it so"
    )
