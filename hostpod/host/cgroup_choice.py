"""Which of the two drivers makes the cgroups of this host's pods."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hostpod.host.cgroup import Cgroups
from hostpod.host.cgroup_fs import FileCgroups

if TYPE_CHECKING:
    from hostpod.host.cgroup_systemd import SystemdCgroups

Driver = Literal["systemd", "cgroupfs"]

# systemd's own sign that it is process 1, see sd_booted(3).
_BOOTED = Path("/run/systemd/system")


def driver_of(wanted: str) -> Driver:
    """The driver that a setting means on this host: `auto` is systemd where systemd runs the host."""
    if wanted == "auto":
        return "systemd" if _BOOTED.is_dir() else "cgroupfs"
    return "systemd" if wanted == "systemd" else "cgroupfs"


def choose_driver(wanted: str, root: str, stack: AsyncExitStack) -> FileCgroups | SystemdCgroups:
    """The driver that makes cgroups below `root`; what it holds open is let go with `stack`.

    Raises CgroupError where no cgroups are mounted. Whether systemd can be reached shows when it is opened.
    """
    tree = Cgroups.detect(root)
    if driver_of(wanted) == "cgroupfs":
        return FileCgroups(tree)
    from hostpod.host.cgroup_systemd import SystemdCgroups  # noqa: PLC0415 - not loaded where there is no systemd
    from hostpod.host.dbus import Bus  # noqa: PLC0415
    from hostpod.host.units import Units  # noqa: PLC0415

    bus = Bus()
    stack.callback(bus.close)
    return SystemdCgroups(root, tree, Units(bus))
