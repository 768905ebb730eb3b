"""Virtual machines with a kernel, control groups v2 and systemd of their own: `python -m lab.qemu [COMMAND]`.

QEMU emulates them, so everything takes 10 to 20 times longer than here, but all is there that a real host has. A
machine begins with a snapshot of one that was just up (3 s) or with a cold boot (half a minute), and reaches nothing
outside.
Where KVM works, HOSTPOD_QEMU_ACCEL=kvm uses it.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from lab import made, rootfs
from lab.machine_image import Image, image, make_disk
from lab.place import CACHE, LabError, command
from lab.registry import free_port
from lab.system import System

NEEDED = ("qemu-system-x86_64", "qemu-img", "mke2fs", "ssh", "ssh-keygen", "setpriv", "mmdebstrap")
PLACES = CACHE / "places"
_NAME = "hpvm"
ACCEL = os.environ.get("HOSTPOD_QEMU_ACCEL", "tcg")
PAYLOAD_SIZE = "512M"
_BOOTED_WITHIN_S = 300.0
_OFF_WITHIN_S = 300.0
_SNAPSHOT = "up"
_HARDWARE = (
    *("-accel", "tcg,thread=multi" if ACCEL == "tcg" else ACCEL),
    *("-cpu", "max,la57=off" if ACCEL == "tcg" else "host"),  # trixie's kernel does not start with emulated la57
    *("-M", "q35", "-smp", "2", "-m", "2G", "-nodefaults", "-display", "none", "-device", "virtio-rng-pci"),
)
_COMMAND_LINE = "root=/dev/vda rw console=ttyS0 quiet mitigations=off nokaslr"
_SSH = """\
Host vm
    HostName 127.0.0.1
    Port {port}
    User root
    IdentityFile {key}
    IdentitiesOnly yes
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    ControlMaster auto
    ControlPath {directory}/ssh
    ControlPersist yes
    ConnectTimeout 10
    LogLevel ERROR
"""


class Machine(System):
    """A virtual machine; made by `machine`."""

    slowness = 10 if ACCEL == "tcg" else 2
    controllers = True

    def __init__(self, directory: Path, image: Image) -> None:
        self.name = directory.name
        self.suite = image.suite
        self.directory = directory
        self._image = image
        self._disk, self._payload = directory / "disk.qcow2", directory / "no-payload.raw"
        self._qemu: subprocess.Popen[bytes] | None = None

    def argv(self, command: Sequence[str], *, within_s: float = 0) -> list[str]:
        limit = ["timeout", f"{within_s:g}"] if within_s else []
        return [*self._ssh(), "vm", "--", shlex.join([*limit, *command])]

    def write(self, path: str, content: bytes | str, *, mode: int = 0o644) -> None:
        data = content.encode() if isinstance(content, str) else content
        target, draft = shlex.quote(path), shlex.quote(f"{path}.draft")
        script = f"mkdir -p $(dirname {target}) && cat >{draft} && chmod {mode:o} {draft} && mv {draft} {target}"
        subprocess.run(self.argv(["sh", "-c", script]), input=data, check=True, timeout=60 * self.slowness)

    def copy_in(self, source: Path, target: str) -> None:
        parent, name = Path(target).parent, Path(target).name
        pack: list[str | Path] = [
            "tar",
            "-C",
            source.parent,
            "--transform",
            f"s,^{source.name},{name},",
            "-c",
            source.name,
        ]
        unpack = f"mkdir -p {shlex.quote(str(parent))} && tar -C {shlex.quote(str(parent))} --no-same-owner -x"
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
            done = subprocess.run(self.argv(["sh", "-c", unpack]), stdin=packed.stdout, check=False)
        if done.returncode or packed.returncode:
            raise LabError(f"cannot copy {source} to {target} in {self.name}")

    def interactive(self, command: Sequence[str]) -> int:
        """Run a command with this terminal as its own."""
        return subprocess.run([*self._ssh(), "-t", "vm", "--", shlex.join(command)], check=False).returncode

    def start(self, disk: Path, *, payload: Path | None = None, restored: bool) -> float:
        """Start it from a snapshot in its disk, or cold, and wait until systemd is up; the seconds that took."""
        began = time.monotonic()
        self._disk, self._payload = disk, payload or _no_payload(self.directory)
        port = free_port()
        settings = _SSH.format(port=port, key=self._image.ssh_key, directory=self.directory)
        (self.directory / "ssh_config").write_text(settings)
        end_with_us = ["setpriv", "--pdeathsig=KILL"]
        argv = [
            *end_with_us,
            *_hardware(self._image, self._disk, self._payload, port),
            *self._sockets(),
        ]
        with (self.directory / "qemu.log").open("wb") as log:
            self._qemu = subprocess.Popen(
                [*argv, *(("-loadvm", _SNAPSHOT) if restored else ())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_until_up()
        return time.monotonic() - began

    def wait_until_up(self) -> None:
        """Wait until ssh answers and systemd has started everything; set its clock, which stood still in a snapshot."""
        deadline = time.monotonic() + _BOOTED_WITHIN_S
        while not self._answers():
            if time.monotonic() > deadline or self._qemu is None or self._qemu.poll() is not None:
                raise LabError(f"{self.name} did not come up; its console said:\n{self.console()}")
            time.sleep(0.2)
        self.run("date", "--utc", "--set", f"@{time.time():.3f}")
        self.attempt("systemctl", "is-system-running", "--wait")

    def _answers(self) -> bool:
        try:
            done = subprocess.run(
                [*self._ssh(), "vm", "true"], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def hang_up(self) -> None:
        """End the connection that commands share, as one that a reboot cut is of no use."""
        with suppress(LabError):
            command([*self._ssh(), "-O", "exit", "vm"], timeout_s=10)
        (self.directory / "ssh").unlink(missing_ok=True)

    def reboot(self) -> None:
        """`systemctl reboot`, and wait until it is up again."""
        self.attempt("systemctl", "reboot")
        self._again()

    def cut_power(self) -> None:
        """Off at once, and on again; wait until it is up."""
        with suppress(OSError):  # it ends before it answers
            self.monitor("quit")
        self._again()

    def _again(self) -> None:
        """Boot its disk anew when it has gone off: an emulated machine that resets itself hangs."""
        assert self._qemu is not None, "it was started"
        try:
            self._qemu.wait(timeout=_OFF_WITHIN_S)
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{self.name} did not go off; its console said:\n{self.console()}") from error
        self.kill()
        self.start(self._disk, payload=self._payload, restored=False)

    def save(self) -> None:
        """Put a snapshot of its present state into its disk."""
        self.shell("sync; blockdev --flushbufs /dev/vda; echo 3 >/proc/sys/vm/drop_caches")
        self.hang_up()
        self.monitor(f"savevm {_SNAPSHOT}")

    def monitor(self, line: str) -> str:
        """What QEMU's monitor answers to a command."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(60)
            monitor.connect(str(self.directory / "mon"))
            _read_prompt(monitor)
            monitor.sendall(f"{line}\n".encode())
            return _read_prompt(monitor)

    def console(self) -> str:
        """The end of what its console showed, and QEMU itself."""
        shown = [self.directory / "serial.log", self.directory / "qemu.log"]
        text = "\n".join(path.read_text(errors="replace") for path in shown if path.exists())
        return "\n".join(text.splitlines()[-30:])

    def kill(self) -> None:
        """Pull its plug."""
        if self._qemu is not None:
            self.hang_up()
            self._qemu.kill()
            self._qemu.wait()
            self._qemu = None

    def _ssh(self) -> list[str]:
        return ["ssh", "-F", str(self.directory / "ssh_config")]

    def _sockets(self) -> list[str]:
        return ["-serial", f"file:{self.directory}/serial.log", "-monitor", f"unix:{self.directory}/mon,server,nowait"]


def _hardware(image: Image, disk: Path, payload: Path, port: int) -> list[str]:
    network = f"user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22"
    return [
        *("qemu-system-x86_64", "-no-reboot"),
        *_HARDWARE,
        *("-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", _COMMAND_LINE),
        *("-drive", f"file={disk},if=none,id=d0,format=qcow2,cache=unsafe", "-device", "virtio-blk-pci,drive=d0"),
        *("-drive", f"file={payload},if=none,id=d1,format=raw,readonly=on", "-device", "virtio-blk-pci,drive=d1"),
        *("-netdev", network, "-device", "virtio-net-pci,netdev=n0,romfile="),
    ]


def _read_prompt(monitor: socket.socket) -> str:
    answer = b""
    while not answer.endswith(b"(qemu) "):
        if not (data := monitor.recv(4096)):
            break
        answer += data
    return answer.decode(errors="replace")


def missing() -> str:
    """Why no machine can be had here; empty when it can."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [binary for binary in NEEDED if shutil.which(binary) is None]
    return f"not installed: {', '.join(absent)} (packaging/setup/system qemu)" if absent else ""


@contextmanager
def machine(
    *, suite: str = "bookworm", packages: Sequence[Path] = (), payload: Path | None = None, cold: bool = False
) -> Iterator[Machine]:
    """A fresh machine that is up, with `payload` as a second disk; everything of it goes at the end.

    With package files it is one in which they are installed, and which was up then: a snapshot too.
    """
    if reason := missing():
        raise LabError(f"cannot start a virtual machine: {reason}")
    made.sweep(PLACES, _NAME)
    with image(suite) as base, _snapshot(base, packages) as snapshot, _directory() as directory:
        disk = directory / "disk.qcow2"
        if cold:
            _overlay(disk, base)
        else:
            shutil.copyfile(snapshot / "disk.qcow2", disk)
        with _running(Machine(directory, base)) as system:
            system.start(disk, payload=payload, restored=not cold)
            yield system


@contextmanager
def _snapshot(base: Image, packages: Sequence[Path]) -> Iterator[Path]:
    """The directory of a disk with a snapshot in it."""
    with _snapshot_of_system(base) as plain:
        if not packages:
            yield plain
            return

        def build(directory: Path) -> None:
            with _directory() as work, _running(Machine(work, base)) as machine:
                shutil.copyfile(plain / "disk.qcow2", work / "disk.qcow2")
                machine.start(work / "disk.qcow2", restored=True)
                machine.install(*packages)
                machine.save()
                machine.kill()
                shutil.move(work / "disk.qcow2", directory)

        key = made.key_of(plain.name, *packages)
        with made.made("snapshots", f"{base.suite}-installed", key, build) as directory:
            yield directory


@contextmanager
def _snapshot_of_system(base: Image) -> Iterator[Path]:
    def build(directory: Path) -> None:
        with _directory() as work, _running(Machine(work, base)) as machine:
            _overlay(work / "disk.qcow2", base)
            machine.start(work / "disk.qcow2", restored=False)
            machine.save()
            machine.kill()
            shutil.move(work / "disk.qcow2", directory)

    key = made.key_of(base.key, _HARDWARE, _COMMAND_LINE, PAYLOAD_SIZE, command(["qemu-system-x86_64", "--version"]))
    with made.made("snapshots", base.suite, key, build) as directory:
        yield directory


def _overlay(disk: Path, base: Image) -> None:
    options: list[str | Path] = ["-o", "compression_type=zstd", "-b", base.disk, "-F", "raw"]
    command(["qemu-img", "create", "-q", "-f", "qcow2", *options, disk])


def _no_payload(directory: Path) -> Path:
    tree = directory / "no-payload"
    tree.mkdir(exist_ok=True)
    make_disk(directory / "no-payload.raw", tree, size=PAYLOAD_SIZE)
    return directory / "no-payload.raw"


@contextmanager
def payload_disk(tree: Path) -> Iterator[Path]:
    """A disk with a tree's content that a machine can be given."""
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="payload-") as directory:
        disk = Path(directory) / "payload.raw"
        make_disk(disk, tree, size=PAYLOAD_SIZE)
        yield disk


@contextmanager
def _directory() -> Iterator[Path]:
    directory = PLACES / f"{_NAME}-{os.getpid()}-{secrets.token_hex(2)}"
    directory.mkdir(parents=True)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _running(machine: Machine) -> Iterator[Machine]:
    try:
        yield machine
    finally:
        machine.kill()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.qemu", description=__doc__)
    parser.add_argument("--suite", choices=rootfs.SUITES, default="bookworm")
    parser.add_argument("--deb", type=Path, action="append", default=[], help="install this package file first")
    parser.add_argument("--cold", action="store_true", help="boot instead of taking the snapshot")
    parser.add_argument("command", nargs="*", help="what to run; nothing: an interactive shell")
    arguments = parser.parse_args()
    try:
        packages = () if arguments.cold else arguments.deb
        with machine(suite=arguments.suite, packages=packages, cold=arguments.cold) as system:
            if arguments.deb and arguments.cold:
                system.install(*arguments.deb)
            return system.interactive(arguments.command or ["bash", "-l"])
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
