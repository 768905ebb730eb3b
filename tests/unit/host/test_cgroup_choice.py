from __future__ import annotations

import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hostpod.host import logind
from hostpod.host.cgroup import Cgroups
from hostpod.host.cgroup_choice import choose_driver, driver_of
from hostpod.host.cgroup_former import ChangedCgroups
from hostpod.host.cgroup_fs import FileCgroups
from hostpod.host.cgroup_layout import Layout


@pytest.fixture
def booted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where systemd would leave its sign; it is not there."""
    sign = tmp_path / "run-systemd-system"
    monkeypatch.setattr(logind, "_BOOTED", sign)
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


@pytest.fixture
def hierarchy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This host's cgroups: plain directories."""
    monkeypatch.setattr(Cgroups, "detect", lambda root: Cgroups(root, Layout(version="v2", unified=tmp_path)))
    return tmp_path


@pytest.mark.parametrize(
    ("wanted", "left", "is_looked_after"),
    [
        ("systemd", "hostpod/burstable", True),
        ("systemd", "hostpod.slice", False),
        ("cgroupfs", "hostpod.slice/hostpod-podu1.slice", True),
        ("cgroupfs", "hostpod", False),
    ],
)
def test_what_the_other_driver_left_is_looked_after(
    booted: Path, hierarchy: Path, wanted: str, left: str, *, is_looked_after: bool
) -> None:
    booted.mkdir()
    (hierarchy / left).mkdir(parents=True)
    chosen = choose_driver(wanted, "hostpod", AsyncExitStack())
    assert isinstance(chosen, ChangedCgroups) is is_looked_after
    assert chosen.name == wanted


@pytest.mark.usefixtures("booted")
def test_a_slice_of_a_host_without_systemd_is_somebody_else_s(hierarchy: Path) -> None:
    (hierarchy / "hostpod.slice").mkdir()
    assert isinstance(choose_driver("auto", "hostpod", AsyncExitStack()), FileCgroups)


def test_without_systemd_nothing_of_it_is_loaded() -> None:
    line = (
        "import sys, hostpod.daemon.instance; from contextlib import AsyncExitStack;"
        "from hostpod.host.cgroup_choice import choose_driver;"
        "choose_driver('cgroupfs', 'hostpod-test-never', AsyncExitStack());"
        "sys.exit(' '.join({'jeepney', 'hostpod.host.units', 'hostpod.host.cgroup_systemd'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", line], check=False, capture_output=True, text=True)
    assert done.stderr == "\n"
