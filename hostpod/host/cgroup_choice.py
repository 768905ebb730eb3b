"""Which of the two drivers makes the cgroups of this host's pods."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Literal

from hostpod.host.cgroup import Cgroups
from hostpod.host.cgroup_fs import FileCgroups
from hostpod.host.logind import systemd_runs

if TYPE_CHECKING:
    from hostpod.host.cgroup_former import ChangedCgroups
    from hostpod.host.cgroup_systemd import SystemdCgroups

Driver = Literal["systemd", "cgroupfs"]


def driver_of(wanted: str) -> Driver:
    """The driver that a setting means on this host: `auto` is systemd where systemd runs the host."""
    if wanted == "auto":
        return "systemd" if systemd_runs() else "cgroupfs"
    return "systemd" if wanted == "systemd" else "cgroupfs"


def choose_driver(wanted: str, root: str, stack: AsyncExitStack) -> FileCgroups | SystemdCgroups | ChangedCgroups:
    """The driver that makes cgroups below `root`; what it holds open is let go with `stack`.

    Where the other one has left something below it, pods perhaps, that is looked after as well. Raises CgroupError
    where no cgroups are mounted. Whether systemd can be reached shows when the driver is opened.
    """
    tree = Cgroups.detect(root)
    driver = driver_of(wanted)
    if not _left_by_other(driver, root, tree):
        return _made(driver, root, tree, stack)
    from hostpod.host.cgroup_former import ChangedCgroups  # noqa: PLC0415 - hardly ever needed

    other: Driver = "cgroupfs" if driver == "systemd" else "systemd"
    return ChangedCgroups(now=_made(driver, root, tree, stack), former=_made(other, root, tree, stack))


def _left_by_other(driver: Driver, root: str, tree: Cgroups) -> bool:
    if driver == "systemd":
        return tree.exists(tree.root)
    if not systemd_runs():
        return False
    from hostpod.host.slices import is_slice_name, slice_path  # noqa: PLC0415 - as above

    return is_slice_name(root) and tree.exists(slice_path(f"{root}.slice"))


def _made(driver: Driver, root: str, tree: Cgroups, stack: AsyncExitStack) -> FileCgroups | SystemdCgroups:
    if driver == "cgroupfs":
        return FileCgroups(tree, in_a_service=systemd_runs())
    from hostpod.host.cgroup_systemd import SystemdCgroups  # noqa: PLC0415 - not loaded where there is no systemd
    from hostpod.host.dbus import Bus  # noqa: PLC0415
    from hostpod.host.units import Units  # noqa: PLC0415

    bus = Bus()
    stack.callback(bus.close)
    return SystemdCgroups(root, tree, Units(bus))
