from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hostpod.host.driver_check import DriverFacts, driver_check

NEEDED = frozenset({"cpu", "memory", "pids"})
GOOD = DriverFacts(wanted="auto", root="hostpod", systemd_runs=True, bus=True, limited_by="set in cgroup v2")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, "systemd, it is process 1; limits are set in cgroup v2"),
        ({"given": NEEDED | {"io"}}, "systemd, it is process 1; limits are set in cgroup v2"),
        ({"wanted": "systemd"}, "systemd, as cgroups.driver says; limits are set in cgroup v2"),
        ({"limited_by": "set in cgroup v1"}, "systemd, it is process 1; limits are set in cgroup v1"),
        ({"systemd_runs": False, "bus": False}, "cgroupfs, systemd is not process 1; limits are set in cgroup v2"),
        ({"systemd_runs": False, "root": "a--b"}, "cgroupfs, systemd is not process 1; limits are set in cgroup v2"),
    ],
)
def test_who_makes_cgroups_and_why(changes: dict[str, Any], found: str) -> None:
    check = driver_check(replace(GOOD, **changes), NEEDED)
    assert (check.level, check.found, check.mend) == ("ok", found, "")


@pytest.mark.parametrize(
    ("changes", "level", "found", "mend"),
    [
        ({"wanted": "systemd", "systemd_runs": False}, "fail", "but systemd is not process 1", "cgroups.driver: auto"),
        ({"bus": False}, "fail", "there is no system bus", "apt-get install dbus, or set cgroups.driver: cgroupfs"),
        (
            {"root": "a--b"},
            "fail",
            "no a--b.slice: cgroups.root must have no dash at",
            "set cgroups.root to another name",
        ),
        ({"wanted": "cgroupfs"}, "warn", "though systemd is process 1", "set cgroups.driver: auto"),
        (
            {"given": frozenset({"memory"})},
            "warn",
            "systemd, it is process 1; cpu, pids not handed down to pods: such limits have no effect",
            "DisableControllers= in systemctl cat hostpod.slice",
        ),
        (
            {"given": frozenset({"cpu", "pids"}), "systemd_runs": False},
            "warn",
            "cgroupfs, systemd is not process 1; memory not handed down to pods",
            "enable them in cgroup.subtree_control",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(changes: dict[str, Any], level: str, found: str, mend: str) -> None:
    check = driver_check(replace(GOOD, **changes), NEEDED)
    assert check.level == level
    assert found in check.found
    assert mend in check.mend


def test_what_the_host_lacks_itself_is_not_asked_for() -> None:
    assert driver_check(replace(GOOD, given=frozenset({"memory"})), frozenset({"memory"})).level == "ok"
