"""Facts about this host, collected for `hostpod doctor`. Nothing is changed, and what cannot be found out is said."""

from __future__ import annotations

import asyncio
import ctypes
import grp
import gzip
import json
import os
import platform
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hostpod.config import CgroupConfig, Config, NetworkConfig
from hostpod.host.cgroup_choice import driver_of
from hostpod.host.cgroup_files import below
from hostpod.host.cgroup_layout import Layout, cgroup_layout
from hostpod.host.check import Check
from hostpod.host.dbus import SYSTEM_BUS
from hostpod.host.driver_check import DriverFacts
from hostpod.host.host_checks import (
    FOR_DIRECTORIES,
    HELPERS,
    PACKAGES,
    Disk,
    Facts,
    Forwarding6,
    Program,
    checks,
    version_numbers,
)
from hostpod.host.logind import systemd_runs
from hostpod.host.mount import mounts
from hostpod.host.pause import needs_libraries
from hostpod.host.privileges import find_privileges
from hostpod.host.process import CommandError, run
from hostpod.host.slices import qos_slice, slice_path

DEADLINE_S = 5.0

_CVE = re.compile(r"CVE-\d{4}-\d+")


def collect(config: Config) -> Sequence[Check]:
    """Look at this host and judge it. Takes about a tenth of a second."""
    return checks(asyncio.run(find_facts(config)))


async def find_facts(config: Config) -> Facts:
    """What the checks look at."""
    layout = cgroup_layout(mounts())
    loop_devices = os.access("/dev/loop-control", os.F_OK)
    async with asyncio.TaskGroup() as tasks:
        programs = {
            name: tasks.create_task(_program(name, str(getattr(config.binaries, name))), name=name)
            for name in PACKAGES
            if name != "tar2sqfs" or config.images.layers != "directory"
        }
        drops = tasks.create_task(_forward_drops(config.network.table), name="nft")
    return Facts(
        root=os.geteuid() == 0,
        kernel=platform.release(),
        layout=layout,
        v2_controllers=_v2_controllers(layout),
        driver=_driver(config.cgroups, layout),
        filesystems=_filesystems(),
        loop_devices=loop_devices,
        programs={name: task.result() for name, task in programs.items()},
        helpers=_helpers(as_directories=config.images.layers == "directory" or not loop_devices),
        forwarding=_text("/proc/sys/net/ipv4/ip_forward") == "1",
        forwarding6=_forwarding6(config.network),
        forward_drops=drops.result(),
        state=_disk(config.directories.state),
        runtime=_disk(config.directories.runtime),
        inotify_instances=int(_text("/proc/sys/fs/inotify/max_user_instances") or 0),
        privileges=find_privileges(cgroup_v2=False),
        group=config.socket.group,
        group_exists=_has_group(config.socket.group),
        layers=config.images.layers,
    )


async def _program(name: str, wanted: str) -> Program:
    path = shutil.which(wanted)
    if path is None:
        return Program(wanted=wanted)
    version = ""
    with suppress(CommandError):
        done = await run([path, "--version"], timeout_s=DEADLINE_S, check=False)
        version = _version((done.stdout or done.stderr).decode(errors="replace"))
    static = name != "catatonit" or _is_static(Path(path))
    return Program(wanted=wanted, path=path, version=version, fixes=_fixes(PACKAGES[name]), static=static)


def _helpers(*, as_directories: bool) -> Mapping[str, str]:
    """Of each job the program that does it, empty where there is none."""
    wanted = [helper for helper in HELPERS if as_directories or helper.name not in FOR_DIRECTORIES]
    return {helper.name: next(filter(None, map(_located, helper.programs)), "") for helper in wanted}


def _located(name: str) -> str:
    """A program's path; of a library that can be loaded its name."""
    if ".so." not in name:
        return shutil.which(name) or ""
    with suppress(OSError):
        ctypes.CDLL(name)
        return name
    return ""


def _is_static(path: Path) -> bool:
    return not needs_libraries(path.read_bytes())


def _version(text: str) -> str:
    """The first word with a number in it: `runc version 1.1.5+ds1` is 1.1.5+ds1."""
    words = text.partition("\n")[0].replace("(", " ").replace(")", " ").split()
    return next((word for word in words if version_numbers(word)[1:]), "")


def _fixes(package: str) -> frozenset[str] | None:
    """The CVEs that a Debian package's changelog names; None where there is no changelog."""
    for path in Path("/usr/share/doc", package).glob("changelog.Debian*"):
        content = path.read_bytes()
        with suppress(OSError):
            content = gzip.decompress(content) if path.suffix == ".gz" else content
        return frozenset(_CVE.findall(content.decode(errors="replace")))
    return None


def _forwarding6(config: NetworkConfig) -> Forwarding6:
    if config.subnet6 is None:
        return "unwanted"
    forwards = _text("/proc/sys/net/ipv6/conf/all/forwarding")
    return "none" if not forwards else "on" if forwards == "1" else "off"


async def _forward_drops(own_table: str) -> tuple[str, ...]:
    """Chains of others that drop what is forwarded unless a rule lets it through."""
    if shutil.which("nft") is None:
        return ()
    try:
        done = await run(["nft", "--json", "list", "chains"], timeout_s=DEADLINE_S)
        return dropping_chains(json.loads(done.stdout), own_table)
    except (CommandError, ValueError):
        return ()


def dropping_chains(
    listing: Mapping[str, Sequence[Mapping[str, Mapping[str, str]]]], own_table: str
) -> tuple[str, ...]:
    """`nft --json list chains` to the names of chains in the way, as nft writes them: `ip filter FORWARD`."""
    chains = (entry["chain"] for entry in listing.get("nftables", []) if "chain" in entry)
    return tuple(
        f"{chain['family']} {chain['table']} {chain['name']}"
        for chain in chains
        if chain.get("hook") == "forward" and chain.get("policy") == "drop" and chain["table"] != own_table
    )


def _driver(config: CgroupConfig, layout: Layout | None) -> DriverFacts:
    """What a class of pods is given while the daemon runs; on v1 each hierarchy is there for everybody."""
    by_systemd = driver_of(config.driver) == "systemd"
    parent = slice_path(qos_slice(config.root, "BestEffort")) if by_systemd else f"/{config.root}/besteffort"
    given = None
    if layout is not None and layout.version == "v2" and layout.unified is not None:
        given = _controllers(below(layout.unified, parent))
    version = layout.version if layout is not None else "v2"
    return DriverFacts(
        wanted=config.driver,
        root=config.root,
        systemd_runs=systemd_runs(),
        bus=SYSTEM_BUS.is_socket(),
        limited_by=f"set in cgroup {'v2' if version == 'v2' else 'v1'}",
        given=given,
    )


def _controllers(cgroup: Path) -> frozenset[str] | None:
    if not cgroup.is_dir():
        return None
    return frozenset(_text(cgroup / "cgroup.controllers").split())


def _v2_controllers(layout: Layout | None) -> frozenset[str]:
    if layout is None or layout.unified is None:
        return frozenset()
    return frozenset(_text(layout.unified / "cgroup.controllers").split())


def _filesystems() -> frozenset[str]:
    """What the kernel has, and the modules it would load when they are asked for."""
    known = {line.split("\t")[-1] for line in _text("/proc/filesystems").splitlines()}
    modules = Path("/lib/modules", platform.release())
    for listing in ("modules.dep", "modules.builtin"):
        known |= {Path(line.partition(":")[0]).name.partition(".")[0] for line in _text(modules / listing).splitlines()}
    return frozenset(known)


def _disk(directory: Path) -> Disk:
    """The file system that a directory is on, or will be made on."""
    there = next(path for path in (directory, *directory.parents) if path.exists())
    found = os.statvfs(there)
    above = [entry for entry in mounts() if there.is_relative_to(entry.target)]
    nearest = max(above, key=lambda entry: len(entry.target.parts), default=None)
    return Disk(
        directory=str(directory),
        kind=nearest.fstype if nearest else "",
        total_bytes=found.f_blocks * found.f_frsize,
        free_bytes=found.f_bavail * found.f_frsize,
        inodes=found.f_files,
        inodes_free=found.f_favail,
    )


def _has_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
