"""What an instance left on the host, seen without asking it; and the broom."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.names import Names
from lab.place import LabError, command, patient

# What the runtime, state and log directories have for pods and containers, and for nothing else.
_OF_PODS = ("pods/*", "runc/*", "exits/*", "attach/*", "state/pods/*", "logs/pods/*", "logs/containers/*")

# A pod's cgroup, made by hostpod or as a slice by systemd.
_POD = re.compile(r"^pod|-pod[^-]+\.slice$")
_SYSTEMD = Path("/run/systemd/system")  # sd_booted(3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Traces:
    """Where to look: an instance's names and the directories that it keeps things in."""

    names: Names
    directories: tuple[Path, ...]
    runtime: Path

    def of_pods(self) -> list[str]:
        """What should be gone once no pod is left, one line a thing."""
        pause_root = self.runtime / "pause" / "rootfs"  # the daemon's, one for all pods
        found = [f"mount {path}" for path in self.mounts() if path != pause_root]
        found += [f"loop device of {path}" for path in self.loop_files()]
        found += [f"link {name}" for name in self.links() if name != self.names.bridge]
        found += [f"cgroup {path}" for path in self.cgroups() if _POD.search(path.name)]
        found += [f"unit {name}" for name in self.units() if name.endswith(".scope") or _POD.search(name)]
        found += [f"lease {path.name}" for path in self.runtime.glob("leases/*") if path.name[0].isdigit()]
        found += [f"file {path}" for each in self.directories for of in _OF_PODS for path in each.glob(of)]
        daemons = " serve "  # hostpod itself, and a registry beside it
        return found + [f"process {pid}: {text[:120]}" for pid, text in self.processes() if daemons not in text]

    def of_instance(self) -> list[str]:
        """What should be gone once the daemon has taken everything away that it made on this host."""
        found = [f"mount {path}" for path in self.mounts()]
        found += [f"link {name}" for name in self.links()]
        found += [f"cgroup {path}" for path in self.cgroups()]
        found += [f"unit {name}" for name in self.units()]
        found += [f"loop device of {path}" for path in self.loop_files()]
        found += [f"nftables table {self.names.table}"] if self._has_table() else []
        return found + [f"process {pid}: {text[:120]}" for pid, text in self.processes()]

    def mounts(self) -> list[Path]:
        """Mount points below the directories, deepest last."""
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        points = [Path(line.split()[4].replace("\\040", " ")) for line in lines]
        return [point for point in points if any(each in point.parents for each in self.directories)]

    def links(self) -> list[str]:
        names = [name for _, name in socket.if_nameindex()]
        return [name for name in names if name == self.names.bridge or name.startswith(self.names.link_prefix)]

    def cgroups(self) -> list[Path]:
        """Control groups of the instance in every hierarchy, parents first: its own and those that systemd made."""
        roots = [root / top for root in _hierarchies() for top in (self.names.cgroup_root, self._slice())]
        return [path for root in roots if root.is_dir() for path in (root, *_directories(root))]

    def units(self) -> list[str]:
        """Slices and scopes of the instance that systemd holds, failed ones too."""
        if not _SYSTEMD.is_dir():
            return []
        root = self.names.cgroup_root
        listed = command(["systemctl", "list-units", "--plain", "--no-legend", f"{root}.slice", f"{root}-*"])
        return [line.split()[0] for line in listed.splitlines()]

    def _slice(self) -> str:
        """Where the root slice is: systemd nests slices by the dashes of their names."""
        parts = self.names.cgroup_root.split("-")
        return "/".join("-".join(parts[: n + 1]) + ".slice" for n in range(len(parts)))

    def loop_files(self) -> list[str]:
        backing = [text_if_there(path) for path in Path("/sys/block").glob("loop*/loop/backing_file")]
        return [text for text in backing if text.startswith(tuple(f"{each}/" for each in self.directories))]

    def processes(self) -> list[tuple[int, str]]:
        """Those in the instance's cgroups or with its directories in their command lines; a zombie has none."""
        marks = [f"{each}/" for each in self.directories]
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            text = text_if_there(process / "cmdline").replace("\0", " ").strip()
            groups = text_if_there(process / "cgroup")
            ours = any(f"/{top}/" in groups for top in (self.names.cgroup_root, self._slice()))
            ours = ours or any(mark in text for mark in marks)
            if text and ours and int(process.name) not in _own_line():
                found.append((int(process.name), text))
        return found

    def _has_table(self) -> bool:
        return f" {self.names.table}\n" in command(["nft", "list", "tables"])

    def sweep(self) -> None:
        """Take everything away by force, as far as it goes."""
        for _round in range(3):
            for pid, _ in self.processes():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        for path in reversed(self.mounts()):
            _try(["umount", "--lazy", path])
        for name in self.links():
            _try(["ip", "link", "delete", name])
        for family in ("inet", "ip", "ip6"):
            _try(["nft", "delete", "table", family, self.names.table])
        for name in self.units():
            _try(["systemctl", "stop", name])
            _try(["systemctl", "reset-failed", name])
        for path in reversed(self.cgroups()):
            with suppress(OSError):
                path.rmdir()
        for directory in self.directories:
            shutil.rmtree(directory, ignore_errors=True)


def wait_until_gone(traces: Traces, *, within_s: float) -> list[str]:
    """What is left of pods when it has been given a moment to go."""
    deadline = time.monotonic() + patient(within_s)
    while (left := traces.of_pods()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _hierarchies() -> Iterator[Path]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        if rest.split()[0] in ("cgroup", "cgroup2"):
            yield Path(fields.split()[4])


def _directories(root: Path) -> list[Path]:
    return sorted(Path(directory) for directory, _, _ in os.walk(root) if Path(directory) != root)


def _own_line() -> set[int]:
    """This process and its ancestors, whose command lines may name the directories."""
    line, pid = set(), os.getpid()
    while pid > 1:
        line.add(pid)
        pid = int(text_if_there(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()[1])
    return line


def text_if_there(path: Path) -> str:
    """What a file of proc or cgroup says; empty when its process or group goes away meanwhile."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _try(argv: Sequence[str | Path]) -> None:
    with suppress(LabError):
        command(argv)
