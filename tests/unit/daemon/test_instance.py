from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from hostpod.daemon import instance
from hostpod.engine.paths import Paths
from tests.unit.daemon.places import places


def paths(directory: Path) -> Paths:
    return Paths.of(places(directory).directories)


def test_the_directories_are_for_the_daemon_and_the_logs_for_everybody(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with instance.own(paths(tmp_path)):
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "runtime").iterdir()}
            logs = stat.S_IMODE((tmp_path / "logs").stat().st_mode)
    finally:
        os.umask(before)
    assert {name for name, mode in modes.items() if mode == 0o700} >= {"runc", "exits", "attach", "leases"}
    assert modes["pods"] == 0o711, "on the way to the roots of pods that have users of their own"
    assert logs == 0o755


def test_directories_belong_to_one_daemon_at_a_time(tmp_path: Path) -> None:
    refused = pytest.raises(
        instance.StartError, match=r"another hostpod runs on .*runtime: stop it, or set directories"
    )
    with instance.own(paths(tmp_path)), refused, instance.own(paths(tmp_path)):
        pass
    with instance.own(paths(tmp_path)):
        pass


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert instance._found("sh").endswith("/sh")
    with pytest.raises(instance.StartError, match="/none/runc: no such program; install its package, or set its path"):
        instance._found("/none/runc")
