"""Tests run in another system: `python -m lab.carried [--place qemu] [--suite trixie] [-- OPTIONS OF PYTEST]`."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from lab import nspawn, qemu, rootfs
from lab.payload import RUN, payload
from lab.place import LabError
from lab.system import System

HOME = "/srv/hostpod"
_WITHIN_S = 3600.0


@contextmanager
def carried(place: str, suite: str) -> Iterator[System]:
    """A system of this kind with this clone at HOME."""
    with ExitStack() as stack:
        tree = stack.enter_context(payload(suite))
        if place == "nspawn":
            container = stack.enter_context(nspawn.container(suite=suite))
            container.copy_in(tree, HOME)
            yield container
        else:
            disk = stack.enter_context(qemu.payload_disk(tree))
            machine = stack.enter_context(qemu.machine(suite=suite, payload=disk))
            _mount_payload(machine)
            yield machine


def _mount_payload(system: System) -> None:
    """An overlay over the disk, which is for reading only."""
    system.shell(
        f"mkdir -p {HOME} /mnt/payload /var/tmp/upper /var/tmp/work; mount -o ro /dev/vdb /mnt/payload;"
        f"mount -t overlay -o lowerdir=/mnt/payload,upperdir=/var/tmp/upper,workdir=/var/tmp/work payload {HOME}"
    )


def run_tests(system: System, options: Sequence[str], *, within_s: float = _WITHIN_S) -> int:
    """Run pytest in there with its output here; its exit code."""
    script = f'cd {HOME} && exec "$@"'
    variables = [f"HOSTPOD_LAB_SLOWNESS={system.slowness:g}"]
    pytest = [*RUN[:1], *variables, *RUN[1:], "-m", "pytest", "-p", "no:cacheprovider", *options]
    argv = system.argv(["sh", "-c", script, "sh", *pytest], within_s=within_s)
    return subprocess.run(argv, stdin=subprocess.DEVNULL, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.carried", description=__doc__)
    parser.add_argument("--place", choices=("nspawn", "qemu"), default="nspawn")
    parser.add_argument("--suite", choices=rootfs.SUITES, default="bookworm")
    parser.add_argument("options", nargs="*", help="options of pytest; nothing: -q tests/integration")
    arguments = parser.parse_args()
    try:
        with carried(arguments.place, arguments.suite) as system:
            return run_tests(system, arguments.options or ["-q", "tests/integration"])
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
