"""The project's Vagrantfile, used and tested: `python -m lab.vagrant [COMMAND]`, `python -m lab.vagrant --test`.

Where Vagrant has a provider and can fetch Debian's box, that is what it starts. Elsewhere (or with
HOSTPOD_VAGRANT=lab) the box is built here and runs under plain QEMU, in a place of its own.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import deb, rootfs, vagrant_box
from lab.payload import RUN, payload
from lab.place import CACHE, REPOSITORY, LabError, command
from lab.vagrant_place import place

_QUIET = {"VAGRANT_CHECKPOINT_DISABLE": "1", "VAGRANT_BOX_UPDATE_CHECK_DISABLE": "1"}
_EMULATED, _VIRTUALIZED = 10, 2
# The machine has as many processors.
_SIDE_BY_SIDE = ("--numprocesses", "2")
# The tests look at a system with programs that the package itself does not ask for.
_TEST = """
set -eu
export DEBIAN_FRONTEND=noninteractive
add() { apt-get install --yes --quiet --quiet -o Dpkg::Use-Pty=0 curl python3-systemd umoci >/dev/null; }
add || { apt-get update --quiet --quiet && add; }
rm -rf /srv/hostpod
tar -C /srv --no-same-owner -xf /tmp/payload.tar.gz
rm /tmp/payload.tar.gz
cd /srv/hostpod
exec "$@"
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vagrant:
    """Vagrant as it is run here: `prefix` leads to where, `variables` are added to the environment."""

    suite: str
    slowness: int
    variables: Mapping[str, str]
    prefix: Sequence[str] = ()

    def attempt(self, argv: Sequence[str], *, with_terminal: bool = False) -> int:
        """Run a command with its output here; its exit code."""
        here = ["env", f"--chdir={REPOSITORY}", *(f"{name}={value}" for name, value in self.variables.items())]
        stdin = None if with_terminal else subprocess.DEVNULL
        return subprocess.run([*self.prefix, *here, *argv], stdin=stdin, check=False).returncode

    def run(self, *arguments: str) -> float:
        """Run vagrant; the seconds that it took. LabError when it failed."""
        began = time.monotonic()
        plain = [] if sys.stdout.isatty() else ["--no-tty"]  # no progress bars
        if code := self.attempt(["vagrant", *plain, *arguments]):
            raise LabError(f"vagrant {shlex.join(arguments)}: exit code {code}")
        return time.monotonic() - began


@contextmanager
def of_lab(suite: str) -> Iterator[Vagrant]:
    """Vagrant with the box of lab/vagrant_box.py; nothing of it is left."""
    if subprocess.run([REPOSITORY / "packaging/setup/system", "deb", "qemu", "vagrant"], check=False).returncode:
        raise LabError("cannot run Vagrant with a box built here: see above")
    package = deb.build(suite=suite)  # before the place, which has no network
    with vagrant_box.box(suite) as box, place() as made:
        for name in ("home", "tmp"):
            (made.directory / name).mkdir()
        variables = {
            "VAGRANT_HOME": str(made.directory / "home"),
            "VAGRANT_DOTFILE_PATH": str(made.directory / "dotfile"),
            "VAGRANT_DEFAULT_PROVIDER": "libvirt",
            "TMPDIR": str(made.directory / "tmp"),
            "SUITE": suite,
            "HOSTPOD_BOX": vagrant_box.NAME,
            "HOSTPOD_DEB": str(package),
            **_QUIET,
        }
        vagrant = Vagrant(suite=suite, slowness=_EMULATED, variables=variables, prefix=made.enter())
        (made.directory / "box.json").write_text(vagrant_box.catalogue(box))
        vagrant.run("box", "add", str(made.directory / "box.json"))
        yield vagrant


@contextmanager
def of_debian(suite: str) -> Iterator[Vagrant]:
    """Vagrant with a public box and this user's own provider; only the box is left."""
    dotfile = CACHE / "vagrant" / suite
    variables = {"VAGRANT_DOTFILE_PATH": str(dotfile), "SUITE": suite, **_QUIET}
    vagrant = Vagrant(suite=suite, slowness=_VIRTUALIZED, variables=variables)
    try:
        yield vagrant
    finally:
        vagrant.run("destroy", "--force")
        shutil.rmtree(dotfile, ignore_errors=True)


def can_fetch(suite: str) -> bool:
    """Whether Vagrant has a provider here and the public box, or can get it; HOSTPOD_VAGRANT=lab says no."""
    provider = _provider()
    if not provider or os.environ.get("HOSTPOD_VAGRANT") == "lab":
        return False
    box = os.environ.get("HOSTPOD_BOX", f"debian/{suite}64")  # as in the Vagrantfile
    if box in command(["vagrant", "box", "list"]).split():
        return True
    add = ["vagrant", "box", "add", "--provider", provider, box]
    return subprocess.run(add, stdin=subprocess.DEVNULL, check=False).returncode == 0


def _provider() -> str:
    if not shutil.which("vagrant"):
        return ""
    if shutil.which("VBoxManage"):
        return "virtualbox"
    return "libvirt" if Path("/run/libvirt/libvirt-sock").exists() and os.access("/dev/kvm", os.W_OK) else ""


def test(vagrant: Vagrant, options: Sequence[str], *, whole: bool) -> int:
    """Bring a machine up and run the integration tests in it, without options after the package was installed anew.

    An emulated machine runs a short round of them, unless the `whole` of them is asked for.
    """
    took = {"up": vagrant.run("up")}
    if not options:
        took["provision"] = vagrant.run("provision")
        if vagrant.slowness == _EMULATED and not whole:
            options = ["-m", "everywhere"]
    took["upload"] = _carry(vagrant)
    began = time.monotonic()
    pytest = [RUN[0], f"HOSTPOD_LAB_SLOWNESS={vagrant.slowness}", *RUN[1:], "-m", "pytest", "-p", "no:cacheprovider"]
    inside = shlex.join(["sudo", "sh", "-c", _TEST, "sh", *pytest, "-q", *_SIDE_BY_SIDE, "tests/integration", *options])
    code = vagrant.attempt(["vagrant", "ssh", "--no-tty", "--command", inside])
    took["tests"] = time.monotonic() - began
    sys.stdout.write("vagrant: " + ", ".join(f"{what} {seconds:.0f} s" for what, seconds in took.items()) + "\n")
    return code


def _carry(vagrant: Vagrant) -> float:
    with payload(vagrant.suite) as tree:
        packed = tree.with_name("payload.tar.gz")
        command(["tar", "-C", tree.parent, "-czf", packed, tree.name])
        return vagrant.run("upload", str(packed), f"/tmp/{packed.name}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.vagrant", description=__doc__)
    parser.add_argument("--suite", choices=rootfs.SUITES, default="bookworm")
    parser.add_argument(
        "--test", action="store_true", help="run tests/integration in a machine; what follows is for pytest"
    )
    parser.add_argument("--whole", action="store_true", help="all tests, also where the machine is emulated: hours")
    parser.add_argument("command", nargs="*", help="what to run (vagrant up); nothing: a shell to run vagrant in")
    given = parser.parse_args()
    try:
        if not given.test:
            with of_lab(given.suite) as vagrant:
                return vagrant.attempt(given.command or ["bash"], with_terminal=True)
        with (of_debian if can_fetch(given.suite) else of_lab)(given.suite) as vagrant:
            return test(vagrant, given.command, whole=given.whole)
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
