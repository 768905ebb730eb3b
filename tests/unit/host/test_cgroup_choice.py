from __future__ import annotations

import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hostpod.host import cgroup_choice
from hostpod.host.cgroup_choice import choose_driver, driver_of


@pytest.fixture
def booted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where systemd would leave its sign; it is not there."""
    sign = tmp_path / "run-systemd-system"
    monkeypatch.setattr(cgroup_choice, "_BOOTED", sign)
    return sign


def test_systemd_makes_cgroups_where_it_is_process_1(booted: Path) -> None:
    assert driver_of("auto") == "cgroupfs"
    booted.mkdir()
    assert driver_of("auto") == "systemd"


@pytest.mark.parametrize("wanted", ["systemd", "cgroupfs"])
def test_what_is_wanted_is_taken(booted: Path, wanted: str) -> None:
    assert driver_of(wanted) == wanted
    booted.mkdir()
    assert driver_of(wanted) == wanted


@pytest.mark.parametrize("wanted", ["systemd", "cgroupfs"])
def test_the_driver_is_of_this_host(wanted: str) -> None:
    assert choose_driver(wanted, "hostpod-test-never", AsyncExitStack()).name == wanted


def test_without_systemd_nothing_of_it_is_loaded() -> None:
    line = (
        "import sys, hostpod.daemon.instance; from contextlib import AsyncExitStack;"
        "from hostpod.host.cgroup_choice import choose_driver;"
        "choose_driver('cgroupfs', 'hostpod-test-never', AsyncExitStack());"
        "sys.exit(' '.join({'jeepney', 'hostpod.host.units', 'hostpod.host.cgroup_systemd'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", line], check=False, capture_output=True, text=True)
    assert done.stderr == "\n"
