"""Who makes this host's cgroups and why, told from facts. Pure: `doctor` collects the facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hostpod.host.check import Check
from hostpod.host.slices import root_refusal

NAME = "cgroup driver"


@dataclass(frozen=True, kw_only=True, slots=True)
class DriverFacts:
    """`wanted` is the setting. `given` are the controllers in a parent of pods' cgroups, None while there is none."""

    wanted: Literal["auto", "systemd", "cgroupfs"]
    root: str
    systemd_runs: bool
    bus: bool
    limited_by: str
    given: frozenset[str] | None = None


def driver_check(facts: DriverFacts, needed: frozenset[str]) -> Check:
    """`needed` are the controllers that the host has and pods are limited by."""
    if facts.wanted == "cgroupfs" or not facts.systemd_runs:
        return _without_systemd(facts, needed)
    if not facts.bus:
        found = "systemd is process 1, but there is no system bus to reach it by"
        return Check(name=NAME, level="fail", found=found, mend="apt-get install dbus, or set cgroups.driver: cgroupfs")
    if refusal := root_refusal(facts.root):
        found = f"pods can have no {facts.root}.slice: cgroups.root {refusal}"
        return Check(name=NAME, level="fail", found=found, mend="set cgroups.root to another name")
    why = "as cgroups.driver says" if facts.wanted == "systemd" else "it is process 1"
    mend = f"look for DisableControllers= in systemctl cat {facts.root}.slice and the slices above it"
    return _used(f"systemd, {why}", facts, needed, mend)


def _without_systemd(facts: DriverFacts, needed: frozenset[str]) -> Check:
    if facts.wanted == "systemd":
        found = "cgroups.driver is systemd, but systemd is not process 1"
        return Check(name=NAME, level="fail", found=found, mend="set cgroups.driver: auto")
    if facts.systemd_runs:
        found = "cgroupfs, as cgroups.driver says, though systemd is process 1: it neither shows nor bounds pods"
        return Check(name=NAME, level="warn", found=found, mend="set cgroups.driver: auto")
    mend = "enable them in cgroup.subtree_control of the cgroups above"
    return _used("cgroupfs, systemd is not process 1", facts, needed, mend)


def _used(driver: str, facts: DriverFacts, needed: frozenset[str], mend: str) -> Check:
    missing = sorted(needed - facts.given) if facts.given is not None else []
    if missing:
        found = f"{driver}; {', '.join(missing)} not handed down to pods: such limits have no effect"
        return Check(name=NAME, level="warn", found=found, mend=mend)
    return Check(name=NAME, level="ok", found=f"{driver}; limits are {facts.limited_by}")
