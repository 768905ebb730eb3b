"""Systems with systemd as process 1 at native speed: `python -m lab.nspawn [--suite trixie] [--deb FILE] [COMMAND]`.

systemd-nspawn boots an overlay over a root file system of lab/rootfs.py in a second, with a network, a control group
and mounts of its own. Its /var is a directory of this machine, as hostpod's state cannot lie on an overlay. It has no
loop devices, and its control groups hold no limits where this machine's controllers belong to cgroup v1.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from lab import furniture, made, rootfs
from lab.place import CACHE, LabError, command
from lab.system import System

NEEDED = ("systemd-nspawn", "nsenter", "unshare", "setpriv", "mmdebstrap")
PLACES = CACHE / "places"
_READY_WITHIN_S = 60.0
_OFF_WITHIN_S = 20.0
_POWER_OFF = signal.SIGRTMIN + 4  # systemd(1): what process 1 is told by it

# The mounts are in a namespace of nspawn's own, so none of them is left whatever happens. Its /run is a tmpfs there:
# in the machine's, nspawn would leave directories behind.
_BOOT = """
set -eu
for group in $GROUPS_OF_PLACE; do mkdir -p "$group"; echo $$ >"$group/cgroup.procs"; done
mount -t overlay -o "lowerdir=$LOWER,upperdir=$PLACE/upper,workdir=$PLACE/work" place "$PLACE/root"
mount -t tmpfs place /run
exec systemd-nspawn --boot --quiet -D "$PLACE/root" --machine="$NAME" --hostname=lab --register=no --keep-unit \
    --link-journal=no --console=read-only --notify-ready=yes --resolv-conf=off --timezone=off --capability=all \
    --private-network --bind=/dev/net/tun --bind="$PLACE/var:/var"
"""
_PROBE = """
for group in $GROUPS_OF_PLACE; do mkdir "$group"; rmdir "$group"; done
mount -t overlay -o "lowerdir=$PLACE/lower,upperdir=$PLACE/upper,workdir=$PLACE/work" place "$PLACE/root"
mount -t proc proc "$PLACE/lower"
test -c /dev/net/tun || { echo "/dev/net/tun is not there" >&2; exit 1; }
"""
_ENVIRONMENT = {
    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1",  # runc writes below /proc/sys and /sys/fs/cgroup
    "SYSTEMD_SECCOMP": "0",  # nspawn's filter refuses what runc may do on a host
}


class Container(System):
    """A running system; made by `container`."""

    def __init__(self, place: Path, *, suite: str) -> None:
        self.name = place.name
        self.suite = suite
        self.place = place
        self._leader = 0
        self._lower = Path()
        self._nspawn: subprocess.Popen[bytes] | None = None

    @property
    def leader(self) -> int:
        """Its process 1, as this machine numbers it."""
        if self._nspawn is None or self._nspawn.poll() is not None:
            raise LabError(f"{self.name} does not run any more; its console said:\n{self.console()}")
        return self._leader

    def argv(self, command: Sequence[str], *, within_s: float = 0) -> list[str]:
        enter = ["nsenter", f"--target={self.leader}", "--all"]
        limit = [f"--property=RuntimeMaxSec={within_s:g}"] if within_s else []
        literal = [part.replace("$", "$$") for part in command]  # systemd expands variables in a unit's command
        return [*enter, "systemd-run", "--quiet", "--pipe", "--wait", "--collect", *limit, "--", *literal]

    def interactive(self, command: Sequence[str]) -> int:
        """Run a command with this terminal as its own."""
        enter = ["nsenter", f"--target={self.leader}", "--all"]
        kind = "--pty" if sys.stdin.isatty() else "--pipe"
        terminal = f"--setenv=TERM={os.environ.get('TERM', 'dumb')}"
        literal = [part.replace("$", "$$") for part in command]
        argv = [*enter, "systemd-run", "--quiet", kind, "--wait", "--collect", "--same-dir", terminal, "--", *literal]
        return subprocess.run(argv, check=False, cwd="/").returncode

    def write(self, path: str, content: bytes | str, *, mode: int = 0o644) -> None:
        target = self._inside(path)
        draft = target.with_name(f".{target.name}.draft")
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        draft.chmod(mode)
        draft.rename(target)

    def copy_in(self, source: Path, target: str) -> None:
        command(["cp", "-a", "--no-preserve=ownership", "-T", source, self._inside(target)])

    def _inside(self, path: str) -> Path:
        inside = Path(f"/proc/{self.leader}/root{path}")
        inside.parent.mkdir(parents=True, exist_ok=True)
        return inside

    def console(self) -> str:
        """The end of what its console showed."""
        return "\n".join((self.place / "console.log").read_text(errors="replace").splitlines()[-20:])

    def boot(self, lower: Path) -> float:
        """Start it and wait until systemd says that it is up; the seconds that took."""
        began = time.monotonic()
        self._lower = lower
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, (self.place / "console.log").open("ab") as log:
            notify = self.place / "notify"
            notify.unlink(missing_ok=True)
            told.bind(str(notify))
            self._nspawn = subprocess.Popen(
                # When this thread ends, so does nspawn, and with it all that is in there.
                ["setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--propagation=private", "sh", "-c", _BOOT],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **_ENVIRONMENT, **self._variables(lower), "NOTIFY_SOCKET": str(notify)},
                start_new_session=True,
            )
            self._wait_until_up(told, began + _READY_WITHIN_S)
        return time.monotonic() - began

    def _variables(self, lower: Path) -> dict[str, str]:
        groups = " ".join(map(str, _groups(self.name)))
        return {"GROUPS_OF_PLACE": groups, "LOWER": str(lower), "PLACE": str(self.place), "NAME": self.name}

    def _wait_until_up(self, told: socket.socket, deadline: float) -> None:
        assert self._nspawn is not None
        told.settimeout(0.2)
        while time.monotonic() < deadline and self._nspawn.poll() is None:
            try:
                lines = told.recv(4096).decode().splitlines()
            except TimeoutError:
                continue
            for line in lines:
                key, _, value = line.partition("=")
                if key == "X_NSPAWN_LEADER_PID":
                    self._leader = int(value)
            if "READY=1" in lines:
                return
        raise LabError(f"{self.name} did not come up; its console said:\n{self.console()}")

    def power_off(self) -> None:
        """Shut down as `systemctl poweroff` would; by force when that takes too long."""
        if self._nspawn is None:
            return
        with suppress(ProcessLookupError):
            os.kill(self._leader or self._nspawn.pid, _POWER_OFF if self._leader else signal.SIGKILL)
        try:
            self._nspawn.wait(_OFF_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
        self._nspawn = None

    def switch_off(self, *, within_s: float = 60) -> None:
        """`systemctl poweroff`, which logind may hold up, and wait for its end."""
        nspawn = self._nspawn
        assert nspawn is not None, "it runs"
        self.attempt("systemctl", "poweroff", within_s=within_s)
        try:
            nspawn.wait(within_s)
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{self.name} does not end; its console said:\n{self.console()}") from error

    def switch_on(self) -> float:
        """Boot it again after it was switched off, with the files that it had; the seconds that took."""
        return self.boot(self._lower)

    def kill(self) -> None:
        """End everything in there at once, and take its control groups and files away."""
        if self._nspawn is not None:
            self._nspawn.kill()
            self._nspawn.wait()
            self._nspawn = None
        clear(self.place)


def missing() -> str:
    """Why no such system can be had here; empty when it can."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [binary for binary in NEEDED if shutil.which(binary) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (packaging/setup/system nspawn)"
    if all(kind != "cgroup2" for kind, _ in _cgroup_mounts()):
        return "this machine has no cgroup v2 mounted"
    return _refused()


def _refused() -> str:
    """What of a place's mounts and control groups is refused here, as it is to root in most containers."""
    with made.scratch("probe") as place:
        for name in ("root", "lower", "upper", "work"):
            (place / name).mkdir()
        probe = {**os.environ, "PLACE": str(place), "GROUPS_OF_PLACE": " ".join(map(str, _groups(place.name)))}
        argv = ["unshare", "--mount", "--propagation=private", "sh", "-euc", _PROBE]
        done = subprocess.run(argv, env=probe, capture_output=True, text=True, check=False)
    return f"systemd-nspawn cannot work here: {' '.join(done.stderr.split())}" if done.returncode else ""


@contextmanager
def container(*, suite: str = "bookworm") -> Iterator[Container]:
    """A fresh system that is up; everything of it goes at the end."""
    if reason := missing():
        raise LabError(f"cannot start a system in systemd-nspawn: {reason}")
    sweep()
    with ExitStack() as stack:
        lower = stack.enter_context(rootfs.root_file_system(rootfs.of_container(suite)))
        place = PLACES / f"hplab-{os.getpid()}-{secrets.token_hex(2)}"
        system = Container(place, suite=suite)
        stack.callback(system.kill)
        for name in ("root", "upper", "work"):
            (place / name).mkdir(parents=True)
        command(["cp", "-a", lower / "var", place / "var"])
        furniture.of_container(place / "upper", place / "var")
        system.boot(lower)
        yield system


def sweep() -> None:
    """Take away what places have left whose process was killed."""
    made.sweep(PLACES, "hplab", clear)


def clear(place: Path) -> None:
    """Remove a place's processes, control groups and files."""
    for group in _groups(place.name):
        deadline = time.monotonic() + 5
        while group.exists() and time.monotonic() < deadline:
            _remove_group(group)
            time.sleep(0.02)
    shutil.rmtree(place, ignore_errors=True)


def _remove_group(group: Path) -> None:
    for directory, _, _ in os.walk(group, topdown=False):
        path = Path(directory)
        with suppress(OSError):  # it went meanwhile, or somebody in it is on the way out
            for pid in (path / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
        with suppress(OSError):
            path.rmdir()


def _cgroup_mounts() -> Iterator[tuple[str, Path]]:
    """Kind and mount point of each control group hierarchy; of v1 only systemd's own is told."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(maxsplit=2)
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            yield kind, Path(fields.split()[4])


def _groups(name: str) -> list[Path]:
    """A place's control groups: one in each hierarchy that it uses."""
    return sorted({path / name for _, path in _cgroup_mounts()})


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.nspawn", description=__doc__)
    parser.add_argument("--suite", choices=rootfs.SUITES, default="bookworm")
    parser.add_argument("--deb", type=Path, action="append", default=[], help="install this package file first")
    parser.add_argument("command", nargs="*", help="what to run; nothing: an interactive shell")
    arguments = parser.parse_args()
    try:
        with container(suite=arguments.suite) as system:
            if arguments.deb:
                system.install(*arguments.deb)
            return system.interactive(arguments.command or ["bash", "-l"])
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
