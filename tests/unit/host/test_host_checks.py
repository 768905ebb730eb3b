from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hostpod.host.cgroup_layout import Layout
from hostpod.host.check import Check
from hostpod.host.driver_check import DriverFacts
from hostpod.host.host_checks import Disk, Facts, Program, checks, is_fixed, version_numbers
from hostpod.host.privileges import Privileges

DISK = Disk(
    directory="/var/lib/hostpod", kind="ext4", total_bytes=100 << 30, free_bytes=50 << 30, inodes=100, inodes_free=50
)
RUNC = Program(wanted="runc", path="/usr/sbin/runc", version="1.4.0", fixes=frozenset())
GOOD = Facts(
    root=True,
    kernel="6.1.0-18-amd64",
    layout=Layout(version="v2", unified=Path("/sys/fs/cgroup")),
    v2_controllers=frozenset({"cpu", "memory", "pids", "io"}),
    driver=DriverFacts(wanted="auto", root="hostpod", systemd_runs=True, bus=True, limited_by="set in cgroup v2"),
    filesystems=frozenset({"overlay", "squashfs"}),
    loop_devices=True,
    programs={"runc": RUNC, "catatonit": Program(wanted="catatonit", path="/usr/bin/catatonit")},
    helpers={"setpriv": "/usr/bin/setpriv", "gunzip": "/usr/bin/igzip", "libnftables": "libnftables.so.1"},
    forwarding=True,
    forward_drops=(),
    state=DISK,
    runtime=replace(DISK, directory="/run/hostpod", kind="tmpfs"),
    inotify_instances=128,
    privileges=Privileges(),
    group="hostpod",
    group_exists=True,
)


def bad(**changes: Any) -> list[Check]:
    return [check for check in checks(replace(GOOD, **changes)) if check.level != "ok"]


def test_a_good_host_has_nothing_to_mend() -> None:
    assert bad() == []
    assert all(check.found and not check.mend for check in checks(GOOD))
    names = [check.name for check in checks(GOOD)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("changes", "level", "found", "mend"),
    [
        ({"root": False}, "fail", "not root", "run hostpod as root"),
        ({"kernel": "5.10.0-28-amd64"}, "fail", "5.10.0-28-amd64 is too old", "use Linux 5.12 or newer"),
        ({"layout": None}, "fail", "no hierarchy is mounted", "boot with systemd"),
        ({"v2_controllers": {"cpu", "pids"}}, "warn", "v2 without memory", "cgroup_enable="),
        (
            {"layout": Layout(version="hybrid", controllers={"memory": Path("/m")})},
            "warn",
            "hybrid without cpu, pids",
            "cgroup_enable=",
        ),
        ({"filesystems": {"squashfs"}}, "fail", "not in this kernel", "modprobe overlay"),
        ({"filesystems": {"overlay"}}, "warn", "no squashfs in this kernel: layers are", "modprobe squashfs loop"),
        ({"loop_devices": False, "layers": "squashfs"}, "fail", "no loop devices: layers", "modprobe squashfs loop"),
        ({"forward_drops": ("ip filter FORWARD",)}, "warn", "ip filter FORWARD drops", "let that firewall forward"),
        ({"inotify_instances": 8}, "warn", "8 instances", "sysctl fs.inotify.max_user_instances=128"),
        ({"group_exists": False}, "warn", "there is no group hostpod", "groupadd --system hostpod"),
        ({"runtime": DISK}, "warn", "is on ext4", "mount a tmpfs on /run"),
        ({"state": replace(DISK, free_bytes=10 << 30)}, "warn", "10240 MiB free (10%)", "free some space"),
        ({"state": replace(DISK, free_bytes=1 << 30)}, "fail", "1024 MiB free (1%)", "free some space"),
        (
            {"state": replace(DISK, total_bytes=1 << 30, free_bytes=400 << 20)},
            "warn",
            "400 MiB free (39%)",
            "free some",
        ),
        ({"state": replace(DISK, total_bytes=6 << 20, free_bytes=5 << 20)}, "fail", "5 MiB free (83%)", "free some"),
        ({"state": replace(DISK, inodes_free=1)}, "warn", "1 inodes free (1%)", "remove small files"),
        (
            {"privileges": Privileges(may_raise_limits=False, hard_limits={"RLIMIT_NOFILE": 4096})},
            "warn",
            "stays at 0 or above, open files at 4096",
            "CAP_SYS_RESOURCE",
        ),
        ({"helpers": {"setpriv": ""}}, "fail", "setpriv: not there, no image can be pulled", "util-linux"),
        ({"helpers": {"gunzip": ""}}, "fail", "igzip or pigz or gzip: not there, ", "apt-get install isal"),
        ({"helpers": {"gunzip": "/usr/bin/gzip"}}, "warn", "/usr/bin/gzip: igzip takes a quarter", "isal"),
        ({"helpers": {"unzstd": ""}}, "warn", "images with zstd layers cannot be pulled", "apt-get install zstd"),
        ({"helpers": {"sqfs2tar": ""}}, "fail", "layers cannot become directories", "squashfs-tools-ng"),
        ({"helpers": {"mke2fs": ""}}, "warn", "sizeLimit of an emptyDir cannot be held", "e2fsprogs"),
        ({"helpers": {"libnftables": ""}}, "fail", "there is no pod network", "nftables"),
        ({"programs": {"tar2sqfs": Program(wanted="t2")}}, "fail", "t2: no such program", "squashfs-tools-ng"),
        (
            {"programs": {"catatonit": Program(wanted="c", path="/c", static=False)}},
            "fail",
            "/c is not linked statically",
            "set binaries.catatonit",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(changes: dict[str, Any], level: str, found: str, mend: str) -> None:
    (check,) = bad(**changes)
    assert check.level == level
    assert found in check.found
    assert mend in check.mend


def test_directories_for_layers_need_neither_squashfs_nor_loops() -> None:
    assert bad(layers="directory", loop_devices=False, filesystems={"overlay"}) == []


def test_forwarding_is_hostpod_s_own_to_set() -> None:
    assert bad(forwarding=False) == []
    assert bad(forwarding6="off") == bad(forwarding6="on") == []


def test_a_kernel_without_ipv6_cannot_give_pods_such_addresses() -> None:
    (check,) = bad(forwarding6="none")
    assert (check.name, check.level) == ("IPv6 forwarding", "fail")
    assert check.found == "no IPv6 in this kernel, and network.subnet6 is set"


def test_a_file_system_without_inodes_is_no_trouble() -> None:
    assert bad(state=replace(DISK, inodes=0, inodes_free=0)) == []


OLD = replace(RUNC, version="1.1.5+ds1")
NOVEMBER = frozenset({"CVE-2025-31133", "CVE-2025-52565", "CVE-2025-52881"})


@pytest.mark.parametrize(
    ("runc", "levels"),
    [
        (OLD, {"runc CVE-2024-21626": "fail", "runc CVE-2025-31133": "warn"}),
        (replace(OLD, fixes=frozenset({"CVE-2024-21626"})), {"runc CVE-2025-31133": "warn"}),
        (replace(OLD, fixes=NOVEMBER | {"CVE-2024-21626"}), {}),
        (replace(OLD, fixes=None), {"runc CVE-2024-21626": "warn", "runc CVE-2025-31133": "warn"}),
        (replace(RUNC, version="1.1.12"), {"runc CVE-2025-31133": "warn"}),
        (replace(RUNC, version="1.2.8"), {}),
        (replace(RUNC, version="1.3.2"), {"runc CVE-2025-31133": "warn"}),
        (replace(RUNC, version=""), {}),
    ],
)
def test_known_holes(runc: Program, levels: dict[str, str]) -> None:
    assert {check.name: check.level for check in bad(programs={"runc": runc})} == levels


def test_a_missing_changelog_is_said() -> None:
    found = [check.found for check in bad(programs={"runc": replace(OLD, fixes=None)})]
    assert all("no changelog is installed" in text for text in found)


@pytest.mark.parametrize(
    ("version", "fixed"),
    [("1.1.12", False), ("1.2.8", True), ("1.2.10", True), ("1.3.0", False), ("1.3.3", True), ("2.0", True)],
)
def test_a_series_has_its_own_first_good_version(version: str, fixed: bool) -> None:
    assert is_fixed(version, ("1.2.8", "1.3.3")) is fixed


def test_numbers_of_a_version() -> None:
    assert version_numbers("6.18.44-fc-v595") == (6, 18, 44)
    assert version_numbers("none") == ()
