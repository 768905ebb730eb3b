from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hostpod.host.cgroup import CgroupError, Cgroups, PodCgroup
from hostpod.host.cgroup_fs import FileCgroups
from hostpod.host.cgroup_layout import Layout
from tests.unit.host.test_slices import Limits


@pytest.fixture
def driver(tmp_path: Path) -> FileCgroups:
    """On a v1 host, whose control files are plain files here."""
    controllers = {name: tmp_path / name for name in ("cpu", "memory", "pids")}
    for path in controllers.values():
        path.mkdir()
    return FileCgroups(Cgroups("hostpod", Layout(version="v1", controllers=controllers)))


def empty(tmp_path: Path) -> None:
    """Control files, which really go with their directory."""
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        path.unlink()


def test_a_pod_and_what_runs_in_it_lie_where_runc_is_told(driver: FileCgroups) -> None:
    pod = driver.pod_path("Burstable", "u1")
    assert pod == "/hostpod/burstable/podu1"
    for path in (driver.container_path(pod, "c1"), driver.pause_path(pod)):
        assert path.startswith(f"{pod}/")
        assert driver.oci_path(path) == path
        assert driver.annotations(path, description="pause") == {}, "a cgroup has no description"
        assert not driver.by_systemd(path)


def test_a_pod_is_made_and_found_and_its_removal_leaves_nothing(driver: FileCgroups, tmp_path: Path) -> None:
    async def scenario() -> tuple[PodCgroup, ...]:
        await driver.open()
        pod = driver.pod_path("BestEffort", "u1")
        await driver.create_pod(pod, Limits(), description="pod default/web")
        found = await driver.list_pods()
        empty(tmp_path)
        await driver.kill_all(pod)
        await driver.remove(pod)
        await driver.remove(pod)
        assert driver.oom_kills(pod) == 0
        await driver.close()
        return found

    assert asyncio.run(scenario()) == (PodCgroup(uid="u1", path="/hostpod/besteffort/podu1"),)
    assert not list(tmp_path.glob("*/hostpod"))


def test_monitors_stay_where_they_are_unless_a_service_would_end_them(driver: FileCgroups) -> None:
    assert driver.monitor_place("c1", pod="/hostpod/podu1", description="") is None


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_in_a_service_monitors_move_to_where_systemd_does_not_end_them(tmp_path: Path, version: str) -> None:
    """systemd looks for processes in its own hierarchy, or in the one for all."""
    controllers = {name: tmp_path / name for name in ("memory", "name=systemd")}
    layout = Layout(version="v1", controllers=controllers)
    if version == "v2":
        layout = Layout(version="v2", unified=tmp_path)
    for path in layout.hierarchies:
        (path / "hostpod").mkdir(parents=True)
    driver = FileCgroups(Cgroups("hostpod", layout), in_a_service=True)
    place = driver.monitor_place("c1", pod="/hostpod/podu1", description="")
    assert place is not None
    asyncio.run(place(4711))  # type: ignore[arg-type]
    moved = layout.hierarchies[-1] / "hostpod" / "monitors" / "cgroup.procs"
    assert moved.read_text() == "4711"
    assert not (tmp_path / "memory" / "hostpod" / "monitors").exists()
    moved.unlink()
    asyncio.run(driver.close())
    assert not moved.parent.exists()


def test_a_monitor_that_cannot_be_moved_is_said(tmp_path: Path) -> None:
    (tmp_path / "hostpod").write_text("")
    driver = FileCgroups(Cgroups("hostpod", Layout(version="v2", unified=tmp_path)), in_a_service=True)
    place = driver.monitor_place("c1", pod="/hostpod/podu1", description="")
    assert place is not None
    with pytest.raises(CgroupError, match="cannot move conmon to /hostpod/monitors: not a directory"):
        asyncio.run(place(4711))  # type: ignore[arg-type]


def test_what_the_kernel_refuses_is_said(tmp_path: Path) -> None:
    driver = FileCgroups(Cgroups("hostpod", Layout(version="v2", unified=tmp_path / "nowhere")))
    with pytest.raises(CgroupError, match="cannot make cgroup /hostpod: no such file or directory"):
        asyncio.run(driver.open())
