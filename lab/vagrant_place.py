"""libvirt for one run of Vagrant, in a network, mounts and processes of its own.

libvirtd makes bridges, packet filters and files below /etc and /var wherever it runs. Here all of it is in namespaces
and below one directory: nothing of it is on the machine, and nothing is left when the place ends.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab import made
from lab.place import CACHE, LabError

PLACES = CACHE / "places"
_NAME = "hpvagrant"
NEEDED = ("libvirtd", "virsh", "dnsmasq", "iptables", "ip", "qemu-system-x86_64", "qemu-img", "unshare", "nsenter")

# Sockets of libvirt and of the machine's own services are not told apart by their paths: /run is empty in there. /sys
# shows the network that it was mounted in; without control groups below it libvirt does not ask for any.
_FURNISH = """
set -eu
ip link set lo up
for kind in etc var; do
    mkdir -p "$PLACE/$kind/upper" "$PLACE/$kind/work"
    mount -t overlay -o "lowerdir=/$kind,upperdir=$PLACE/$kind/upper,workdir=$PLACE/$kind/work" place "/$kind"
done
mount -t tmpfs place /run
mount -t sysfs place /sys
mkdir -p /etc/libvirt
cat >/etc/libvirt/libvirtd.conf <<END
auth_unix_rw = "none"
END
cat >/etc/libvirt/qemu.conf <<END
user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
END
# libvirtd asks for its user even when its settings name another.
id libvirt-qemu >/dev/null 2>&1 || useradd --system --user-group --no-create-home libvirt-qemu
libvirtd 3>&- &
until virsh --quiet --connect qemu:///system list 2>/dev/null; do
    kill -0 $!  # it has ended, and so does this
    sleep 0.2
done
echo up >&3

wait
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """`leader` is process 1 of the place, as this machine numbers it; `directory` takes what goes with the place."""

    directory: Path
    leader: int

    def enter(self) -> list[str]:
        """What a command begins with that is to run in there."""
        return ["nsenter", f"--target={self.leader}", "--mount", "--net", "--pid", "--"]


def missing() -> str:
    """Why there can be no such place here; empty when there can."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [binary for binary in NEEDED if shutil.which(binary) is None]
    return f"not installed: {', '.join(absent)} (packaging/setup/system qemu vagrant)" if absent else ""


@contextmanager
def place() -> Iterator[Place]:
    """A place with libvirtd running; everything of it goes at the end."""
    if reason := missing():
        raise LabError(f"cannot run libvirt in a place of its own: {reason}")
    made.sweep(PLACES, _NAME)
    directory = PLACES / f"{_NAME}-{os.getpid()}-{secrets.token_hex(2)}"
    directory.mkdir(parents=True)
    try:
        with _libvirt(directory) as furnished:
            yield furnished
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _libvirt(directory: Path) -> Iterator[Place]:
    log, (up, told) = directory / "libvirtd.log", os.pipe()
    # When this thread ends, so does unshare, and with it all that is in there.
    namespaces = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    argv = ["setpriv", "--pdeathsig=KILL", *namespaces, "bash", "-c", f"exec 3>&{told} {told}>&-\n{_FURNISH}"]
    with log.open("wb") as written, os.fdopen(up, "rb") as answer:
        environment = {**os.environ, "PLACE": str(directory)}
        unshare = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            env=environment,
            pass_fds=(told,),
            start_new_session=True,
        )
        os.close(told)
        try:
            if not answer.readline():  # the end of the file comes with the end of the process
                lines = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
                raise LabError(f"libvirtd did not start:\n{lines}")
            yield Place(directory=directory, leader=_leader(unshare.pid))
        finally:
            with suppress(LabError, ProcessLookupError):
                os.kill(_leader(unshare.pid), signal.SIGKILL)
            unshare.wait()


def _leader(unshare: int) -> int:
    children = Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()
    if not children:
        raise LabError("libvirt's place has ended")
    return int(children[0])
