"""How long the installed service takes to be ready: the package in a system of its own, restarted again and again."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench.figures import Figure
from lab import deb, nspawn
from lab.place import LabError
from lab.system import System

READY_WITHIN_S = 1.0
STARTS = 9


def figures(*, suite: str = "bookworm") -> Sequence[Figure]:
    """`systemctl start` to READY=1. Without systemd-nspawn there is no figure, and the reason on stderr."""
    try:
        package = deb.build(suite=suite)
        with nspawn.container(suite=suite) as system:
            system.install(package)
            samples = tuple(_start_s(system) for _ in range(STARTS))
    except LabError as error:
        sys.stderr.write(f"make bench: no figure of a start of the service: {error}\n")
        return ()
    text = "installed service, start to ready"
    return (Figure(name="service_ready_s", text=text, unit="s", samples=samples, at_most=READY_WITHIN_S),)


def _start_s(system: System) -> float:
    """As systemd has seen it."""
    system.run("systemctl", "restart", "hostpod")
    names = ("InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    shown = system.unit("hostpod", *names)
    began, ready = (int(shown[name]) / 1e6 for name in names)
    return ready - began
