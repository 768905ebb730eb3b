"""A host of a test's own: network and mount namespaces that hold the test process and all it starts, and nothing else.

Links, addresses, nftables tables, sysctls of the network, mounts and directories made inside never touch the machine
and vanish with it. It has an uplink with a default route to an "outside" host (a namespace that knows no way back to
the pods' subnet, so an answer from there proves the masquerading), and a tmpfs for every directory that hostpod wants.

The namespaces are entered by the test process itself, so code under test can be called directly, and a daemon that is
started as a child lives there as well. /proc/self is right for both; /sys/class/net is not (sysfs stays the machine's).
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hostpod.host.namespaces import Namespaces, make
from lab.place import patient

UPLINK = "uplink0"
UPLINK_ADDRESS = "198.51.100.2"
OUTSIDE_ADDRESS = "198.51.100.1"
UPLINK_MTU = 1400

_CLONE = {"mnt": 0x00020000, "net": 0x40000000}

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class FakeHost:
    """`root` is a tmpfs of its own; `held` are the namespaces that live as long as this host, by a name each."""

    root: Path
    held: dict[str, Namespaces]

    @property
    def outside(self) -> Path:
        """The network namespace at the other end of the uplink."""
        return self.held["outside"].path("net")

    def network_namespace(self, name: str) -> Path:
        """A new one, held until `held` lets go of it; an older one of that name is let go."""
        if name in self.held:
            self.held[name].close()
        self.held[name] = make(("net",))
        return self.held[name].path("net")

    def directory(self, name: str) -> Path:
        """A directory on the tmpfs, made where it is missing."""
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def links(self) -> set[str]:
        """Names of the host's network links."""
        return {line.split()[1].rstrip(":").partition("@")[0] for line in run("ip", "-o", "link").splitlines()}


def run(*argv: str) -> str:
    """A command's output; an error with its words when it fails."""
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=patient(10))
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def fake_host(directory: Path) -> Iterator[FakeHost]:
    """Move this process into a fresh fake host below `directory`, and back.

    Call it while the process has no other threads: a mount namespace is entered by single-threaded processes only.
    """
    home, working_directory = _open_namespaces(), Path.cwd()
    _check(_libc.unshare(_CLONE["mnt"] | _CLONE["net"]), "unshare")
    held: dict[str, Namespaces] = {}
    try:
        yield _furnish(directory, held)
    finally:
        _end_inhabitants()
        for namespaces in held.values():
            namespaces.close()
        for kind, descriptor in home.items():
            _enter(descriptor, kind)
            os.close(descriptor)
        os.chdir(working_directory)  # entering a mount namespace leads to its root directory


def _enter(descriptor: int, kind: str) -> None:
    # A thread that Python has joined may still be on its way out of the kernel: then it is EINVAL for a moment.
    for _ in range(200):
        if _libc.setns(descriptor, _CLONE[kind]) == 0:
            return
        if ctypes.get_errno() != errno.EINVAL:
            break
        time.sleep(0.01)
    _check(-1, f"setns {kind}")


def _furnish(directory: Path, held: dict[str, Namespaces]) -> FakeHost:
    run("mount", "--make-rprivate", "/")
    root = directory / "fakehost"
    root.mkdir()
    run("mount", "-t", "tmpfs", "-o", "mode=0755", "fakehost", str(root))
    run("mount", "--make-shared", str(root))
    host = FakeHost(root=root, held=held)
    _connect(host.network_namespace("outside"))
    return host


def _connect(outside: Path) -> None:
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", UPLINK, "mtu", str(UPLINK_MTU), "type", "veth", "peer", "eth0", "netns", str(outside))
    run("ip", "address", "add", f"{UPLINK_ADDRESS}/24", "dev", UPLINK)
    run("ip", "link", "set", UPLINK, "up")
    enter = ("nsenter", f"--net={outside}", "ip")
    run(*enter, "address", "add", f"{OUTSIDE_ADDRESS}/24", "dev", "eth0")
    run(*enter, "link", "set", "eth0", "up")
    run(*enter, "link", "set", "lo", "up")
    run("ip", "route", "add", "default", "via", OUTSIDE_ADDRESS)


def _end_inhabitants() -> None:
    """Kill what a test left running: every process but this one that is in the fake host's namespaces."""
    own = {kind: _namespace(os.getpid(), kind) for kind in _CLONE}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            pid = int(entry.name)
            if any(_namespace(pid, kind) == own[kind] for kind in _CLONE):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _namespace(pid: int, kind: str) -> Path | None:
    try:
        return Path(f"/proc/{pid}/ns/{kind}").readlink()
    except OSError:
        return None  # it has ended, or is a zombie


def _open_namespaces() -> dict[str, int]:
    return {kind: os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in _CLONE}


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
