"""Where the cgroup hierarchies are mounted, read from mountinfo. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hostpod.host.mountinfo import MountEntry

Version = Literal["v1", "hybrid", "v2"]

_NOT_CONTROLLERS = frozenset({"rw", "ro", "xattr", "noprefix", "clone_children", "none"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """v1: a hierarchy for each controller; v2: one for all; hybrid: v1, and a v2 hierarchy that limits nothing."""

    version: Version
    unified: Path | None = None
    controllers: Mapping[str, Path] = field(default_factory=dict)

    @property
    def hierarchies(self) -> tuple[Path, ...]:
        """Every mount point once: a process is in one cgroup of each."""
        found = dict.fromkeys(self.controllers.values())
        return (*found, self.unified) if self.unified else tuple(found)

    def of(self, controller: str) -> Path | None:
        """Where the limits of a controller are set; None where the host does not have it."""
        return self.unified if self.version == "v2" else self.controllers.get(controller)


def cgroup_layout(mounts: Sequence[MountEntry]) -> Layout | None:
    """The layout of a host; None where no cgroups are mounted.

    The first mount of a hierarchy counts: later ones are copies, in containers or build roots.
    """
    unified: Path | None = None
    controllers: dict[str, Path] = {}
    for entry in mounts:
        if entry.fstype == "cgroup2":
            unified = unified or entry.target
        elif entry.fstype == "cgroup":
            for name in _controllers(entry):
                controllers.setdefault(name, entry.target)
    if not controllers:
        return Layout(version="v2", unified=unified) if unified else None
    return Layout(version="hybrid" if unified else "v1", unified=unified, controllers=controllers)


def _controllers(entry: MountEntry) -> list[str]:
    """`rw,cpu,cpuacct` is two controllers; `rw,xattr,name=systemd` is a hierarchy without any, known by its name."""
    options = [option for option in entry.super_options if option not in _NOT_CONTROLLERS]
    return [option for option in options if "=" not in option or option.startswith("name=")]
