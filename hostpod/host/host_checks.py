"""What is good and what is wrong about a host, told from facts. Pure: `doctor` collects the facts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hostpod.host.cgroup_layout import Layout
from hostpod.host.check import Check, Level
from hostpod.host.driver_check import DriverFacts, driver_check
from hostpod.host.privileges import Privileges

OLDEST_KERNEL = (5, 12)  # mount_setattr; Debian 12 has 6.1
DISK_FREE_FAIL, DISK_FREE_WARN = 0.02, 0.15
DISK_BYTES_FAIL, DISK_BYTES_WARN = 64 << 20, 512 << 20  # no image fits; few do
INODES_FREE_WARN = 0.05
INSTANCES_NEEDED = 128
LIMITING = ("cpu", "memory", "pids")


# Debian's packages of the programs.
PACKAGES = {
    "runc": "runc",
    "conmon": "conmon",
    "catatonit": "catatonit",
    "skopeo": "skopeo",
    "tar2sqfs": "squashfs-tools-ng",
}


Forwarding6 = Literal["unwanted", "none", "off", "on"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Helper:
    """A job that hostpod has programs for, the best first, and what is lost without any. All are looked up in PATH."""

    name: str
    programs: tuple[str, ...]
    package: str
    lost: str
    level: Level


# What hostpod calls beside the programs that can be set.
HELPERS = (
    Helper(
        name="setpriv",
        programs=("setpriv",),
        package="util-linux",
        lost="no image can be pulled",
        level="fail",
    ),
    Helper(
        name="gunzip",
        programs=("igzip", "pigz", "gzip"),
        package="isal",
        lost="images can hardly be pulled, most layers are gzip",
        level="fail",
    ),
    Helper(
        name="unzstd",
        programs=("zstd", "unzstd"),
        package="zstd",
        lost="images with zstd layers cannot be pulled",
        level="warn",
    ),
    Helper(
        name="sqfs2tar",
        programs=("sqfs2tar",),
        package="squashfs-tools-ng",
        lost="layers cannot become directories",
        level="fail",
    ),
    Helper(name="tar", programs=("tar",), package="tar", lost="layers cannot become directories", level="fail"),
    Helper(
        name="mke2fs",
        programs=("mke2fs",),
        package="e2fsprogs",
        lost="the sizeLimit of an emptyDir cannot be held",
        level="warn",
    ),
    Helper(
        name="libnftables",
        programs=("libnftables.so.1",),
        package="nftables",
        lost="there is no pod network",
        level="fail",
    ),
)
FOR_DIRECTORIES = ("sqfs2tar", "tar")
"""Only needed where layers are directories."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """A program that hostpod calls. `path` is None where it is missing; `fixes` are CVEs that its package names."""

    wanted: str
    path: str | None = None
    version: str = ""
    fixes: frozenset[str] | None = None
    static: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Disk:
    """The file system below a directory; `kind` is its type."""

    directory: str
    kind: str
    total_bytes: int
    free_bytes: int
    inodes: int
    inodes_free: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Everything the checks look at."""

    root: bool
    kernel: str
    layout: Layout | None
    v2_controllers: frozenset[str]
    driver: DriverFacts
    filesystems: frozenset[str]
    loop_devices: bool
    programs: Mapping[str, Program]
    helpers: Mapping[str, str]
    forwarding: bool
    forward_drops: Sequence[str]
    state: Disk
    runtime: Disk
    inotify_instances: int
    privileges: Privileges
    group: str
    group_exists: bool
    layers: str = "auto"
    forwarding6: Forwarding6 = "unwanted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Advisory:
    """Holes of a program that were mended together; `fixed_in` has the first good version of each series."""

    program: str
    cves: tuple[str, ...]
    what: str
    fixed_in: tuple[str, ...]
    level: Level


ADVISORIES = (
    Advisory(
        program="runc",
        cves=("CVE-2024-21626",),
        what="an image's working directory can lead out of the container",
        fixed_in=("1.1.12",),
        level="fail",
    ),
    Advisory(
        program="runc",
        cves=("CVE-2025-31133", "CVE-2025-52565", "CVE-2025-52881"),
        what="a hostile image can lead runc out of the container by links that change while it mounts",
        fixed_in=("1.2.8", "1.3.3", "1.4.0"),
        level="warn",
    ),
)


def checks(facts: Facts) -> tuple[Check, ...]:
    """Every check in the order in which people would look."""
    return (
        _user(facts),
        _kernel(facts),
        _cgroups(facts),
        *_driver(facts),
        _overlay(facts),
        _layers(facts),
        *(_program(name, program) for name, program in facts.programs.items()),
        *(_helper(helper, facts.helpers[helper.name]) for helper in HELPERS if helper.name in facts.helpers),
        *_advisories(facts),
        _forwarding(facts),
        *_forwarding6(facts),
        _forward_rules(facts),
        _disk(facts.state),
        _runtime(facts.runtime),
        _inotify(facts),
        _limits(facts),
        _group(facts),
    )


def _ok(name: str, found: str) -> Check:
    return Check(name=name, level="ok", found=found)


def _user(facts: Facts) -> Check:
    if facts.root:
        return _ok("user", "root")
    return Check(name="user", level="fail", found="not root", mend="run hostpod as root")


def _kernel(facts: Facts) -> Check:
    version = version_numbers(facts.kernel)[:2]
    if version >= OLDEST_KERNEL:
        return _ok("kernel", facts.kernel)
    oldest = ".".join(str(number) for number in OLDEST_KERNEL)
    return Check(name="kernel", level="fail", found=f"{facts.kernel} is too old", mend=f"use Linux {oldest} or newer")


def _cgroups(facts: Facts) -> Check:
    if facts.layout is None:
        mend = "boot with systemd, or mount cgroup2 on /sys/fs/cgroup"
        return Check(name="cgroups", level="fail", found="no hierarchy is mounted", mend=mend)
    missing = [name for name in LIMITING if name not in _controllers(facts)]
    if not missing:
        return _ok("cgroups", f"{facts.layout.version} with {', '.join(LIMITING)}")
    found = f"{facts.layout.version} without {', '.join(missing)}: such limits have no effect"
    return Check(name="cgroups", level="warn", found=found, mend="see cgroup_enable= in the kernel's boot parameters")


def _controllers(facts: Facts) -> frozenset[str]:
    if facts.layout is None or facts.layout.version == "v2":
        return facts.v2_controllers
    return frozenset(facts.layout.controllers)


def _driver(facts: Facts) -> Iterator[Check]:
    if facts.layout is not None:
        yield driver_check(facts.driver, _controllers(facts) & set(LIMITING))


def _overlay(facts: Facts) -> Check:
    if "overlay" in facts.filesystems:
        return _ok("overlayfs", "there")
    return Check(name="overlayfs", level="fail", found="not in this kernel", mend="modprobe overlay")


def _layers(facts: Facts) -> Check:
    if facts.layers == "directory":
        return _ok("image layers", "directories, as images.layers says")
    reasons = [] if "squashfs" in facts.filesystems else ["no squashfs in this kernel"]
    reasons += [] if facts.loop_devices else ["no loop devices"]
    if not reasons:
        return _ok("image layers", "squashfs files on loop devices")
    found = f"{' and '.join(reasons)}: layers are directories, and pulls take longer"
    level: Level = "fail" if facts.layers == "squashfs" else "warn"
    return Check(name="image layers", level=level, found=found, mend="modprobe squashfs loop")


def _program(name: str, program: Program) -> Check:
    if program.path is None:
        mend = f"apt-get install {PACKAGES[name]}, or set binaries.{name}"
        return Check(name=name, level="fail", found=f"{program.wanted}: no such program", mend=mend)
    if not program.static:
        mend = "install the catatonit package, or set binaries.catatonit to a static one"
        return Check(name=name, level="fail", found=f"{program.path} is not linked statically", mend=mend)
    return _ok(name, f"{program.version or 'unknown version'} ({program.path})")


def _helper(helper: Helper, found: str) -> Check:
    mend = f"apt-get install {helper.package}"
    if not found:
        lacking = f"{' or '.join(helper.programs)}: not there, {helper.lost}"
        return Check(name=helper.name, level=helper.level, found=lacking, mend=mend)
    if found.rpartition("/")[2] == "gzip":
        return Check(name=helper.name, level="warn", found=f"{found}: igzip takes a quarter of its time", mend=mend)
    return _ok(helper.name, found)


def _advisories(facts: Facts) -> Iterator[Check]:
    for advisory in ADVISORIES:
        program = facts.programs.get(advisory.program)
        if program is None or program.path is None or not program.version:
            continue
        if is_fixed(program.version, advisory.fixed_in) or (program.fixes or frozenset()).issuperset(advisory.cves):
            continue
        # Distributions mend old versions; their changelog says so, unless it was not installed.
        unsure = "" if program.fixes is not None else " (its package may be mended: no changelog is installed)"
        yield Check(
            name=f"{advisory.program} {advisory.cves[0]}",
            level=advisory.level if program.fixes is not None else "warn",
            found=f"{program.version}: {advisory.what}{unsure}",
            mend=f"upgrade to {advisory.fixed_in[0]} or newer, or a package that names {', '.join(advisory.cves)}",
        )


def _forwarding(facts: Facts) -> Check:
    found = "net.ipv4.ip_forward is 1" if facts.forwarding else "net.ipv4.ip_forward is 0, hostpod sets it at its start"
    return _ok("forwarding", found)


def _forwarding6(facts: Facts) -> Iterator[Check]:
    name = "IPv6 forwarding"
    if facts.forwarding6 == "none":
        found = "no IPv6 in this kernel, and network.subnet6 is set"
        yield Check(name=name, level="fail", found=found, mend="unset network.subnet6, or boot without ipv6.disable=1")
    elif facts.forwarding6 == "off":
        yield _ok(name, "net.ipv6.conf.all.forwarding is 0, hostpod sets it at its start")
    elif facts.forwarding6 == "on":
        yield _ok(name, "net.ipv6.conf.all.forwarding is 1")


def _forward_rules(facts: Facts) -> Check:
    if not facts.forward_drops:
        return _ok("forward rules", "no other firewall drops by default")
    found = f"{', '.join(facts.forward_drops)} drops what it does not name: pods may reach no one"
    mend = "let that firewall forward what comes from and goes to hostpod's bridge"
    return Check(name="forward rules", level="warn", found=found, mend=mend)


def _disk(disk: Disk) -> Check:
    free, inodes = disk.free_bytes / max(disk.total_bytes, 1), disk.inodes_free / max(disk.inodes, 1)
    found = f"{disk.directory}: {disk.free_bytes >> 20} MiB free ({free:.0%})"
    if free < DISK_FREE_FAIL or disk.free_bytes < DISK_BYTES_FAIL:
        return Check(name="disk", level="fail", found=found, mend="free some space, or set directories.state")
    if free < DISK_FREE_WARN or disk.free_bytes < DISK_BYTES_WARN:
        return Check(name="disk", level="warn", found=found, mend="free some space, or set directories.state")
    if disk.inodes and inodes < INODES_FREE_WARN:
        found = f"{disk.directory}: {disk.inodes_free} inodes free ({inodes:.0%})"
        return Check(name="disk", level="warn", found=found, mend="remove small files, or set directories.state")
    return _ok("disk", found)


def _runtime(disk: Disk) -> Check:
    if disk.kind in ("tmpfs", "ramfs"):
        return _ok("runtime directory", f"{disk.directory} is emptied by a reboot ({disk.kind})")
    found = f"{disk.directory} is on {disk.kind}: after a reboot it would hold what is no more"
    return Check(name="runtime directory", level="warn", found=found, mend="mount a tmpfs on /run")


def _inotify(facts: Facts) -> Check:
    if facts.inotify_instances >= INSTANCES_NEEDED:
        return _ok("inotify", f"{facts.inotify_instances} instances")
    found = f"{facts.inotify_instances} instances for each user: programs in pods use root's too"
    mend = f"sysctl fs.inotify.max_user_instances={INSTANCES_NEEDED} or more"
    return Check(name="inotify", level="warn", found=found, mend=mend)


def _limits(facts: Facts) -> Check:
    if facts.privileges.may_raise_limits:
        return _ok("limits", "CAP_SYS_RESOURCE is there")
    found = (
        "no CAP_SYS_RESOURCE: oom_score_adj stays at "
        f"{facts.privileges.oom_score_adj} or above, open files at {facts.privileges.hard_limits.get('RLIMIT_NOFILE')}"
    )
    return Check(name="limits", level="warn", found=found, mend="start hostpod with the capability CAP_SYS_RESOURCE")


def _group(facts: Facts) -> Check:
    if facts.group_exists:
        return _ok("group", f"members of {facts.group} may use the hostpod command")
    found = f"there is no group {facts.group}: only root may use the hostpod command"
    return Check(name="group", level="warn", found=found, mend=f"groupadd --system {facts.group}")


def is_fixed(version: str, fixed_in: Sequence[str]) -> bool:
    """Whether a version is as new as the newest fixed series, or the fixed one of its own series."""
    numbers = version_numbers(version)
    good = sorted(version_numbers(fixed) for fixed in fixed_in)
    return numbers >= good[-1] or any(numbers[:2] == fixed[:2] and numbers >= fixed for fixed in good)


def version_numbers(text: str) -> tuple[int, ...]:
    """The first dotted number of a text: `6.1.0-18-amd64` is 6, 1, 0."""
    found = re.search(r"\d+(?:\.\d+)*", text)
    return tuple(int(number) for number in found[0].split(".")) if found else ()
