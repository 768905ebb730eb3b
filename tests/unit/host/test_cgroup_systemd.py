"""Pods as units of a systemd that is the test's; its cgroups are plain directories."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pytest

from hostpod.host import cgroup, cgroup_systemd
from hostpod.host.cgroup import CgroupError, Cgroups, PodCgroup
from hostpod.host.cgroup_layout import Layout
from hostpod.host.cgroup_systemd import SystemdCgroups
from hostpod.host.dbus import Bus
from hostpod.host.units import Units
from tests.unit.host.fake_bus import FakeBus, RefusalError, fake_bus
from tests.unit.host.fake_systemd import FakeSystemd
from tests.unit.host.test_slices import UID, Limits

Result = TypeVar("Result")
NOBODY = 4294967295


@dataclass
class Host:
    """One with systemd. `layout` says where its cgroups are."""

    bus: FakeBus
    systemd: FakeSystemd
    layout: Layout

    def do(self, what: Callable[[SystemdCgroups], Awaitable[Result]], root: str = "hostpod") -> Result:
        async def scenario() -> Result:
            bus = Bus(self.bus.path)
            try:
                return await what(SystemdCgroups(root, Cgroups(root, self.layout), Units(bus)))
            finally:
                bus.close()

        return asyncio.run(scenario())

    def directory(self, path: str) -> Path:
        return self.layout.hierarchies[-1] / path.lstrip("/")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    unified = tmp_path / "cgroup"
    unified.mkdir()
    with fake_bus(tmp_path / "bus") as bus:
        yield Host(bus, FakeSystemd(bus, unified), Layout(version="v2", unified=unified))


async def make_pod(driver: SystemdCgroups, qos: str = "Burstable", uid: str = UID, limits: Limits | None = None) -> str:
    path = driver.pod_path(qos, uid)
    await driver.create_pod(path, limits or Limits(), description="pod default/web")
    return path


def test_classes_have_slices_and_the_last_of_them_gets_what_others_leave(host: Host) -> None:
    host.do(lambda driver: driver.open())
    host.do(lambda driver: driver.open())
    classes = {"hostpod-burstable.slice", "hostpod-besteffort.slice"}
    assert set(host.systemd.units) == {"hostpod.slice", "hostpod-monitors.slice"} | classes
    assert host.systemd.units["hostpod-besteffort.slice"]["CPUWeight"] == 1
    assert "CPUWeight" not in host.systemd.units["hostpod-burstable.slice"]


def test_a_stop_of_what_the_slices_are_in_is_waited_for(host: Host) -> None:
    host.systemd.destructive = 2
    host.do(lambda driver: driver.open())
    assert "hostpod-burstable.slice" in host.systemd.units


def test_a_stop_that_does_not_end_is_told(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup_systemd, "LEAVING_DEADLINE_S", 0.1)
    host.systemd.destructive = 100
    with pytest.raises(CgroupError, match=r"^cannot start hostpod.slice: .* is destructive"):
        host.do(lambda driver: driver.open())


def test_what_somebody_set_on_the_root_stays(host: Host) -> None:
    host.systemd.units["hostpod.slice"] = {"MemoryMax": 1 << 30}
    host.do(lambda driver: driver.open())
    assert host.systemd.units["hostpod.slice"] == {"MemoryMax": 1 << 30}
    assert host.directory("/hostpod.slice").is_dir(), "it runs, though it was there only as a file"


def test_a_root_that_no_slice_can_have_is_said_before_anything_is_made(host: Host) -> None:
    with pytest.raises(CgroupError, match=r'^cannot name a slice "a--b.slice": cgroups.root must have no dash'):
        host.do(lambda driver: driver.open(), root="a--b")
    assert host.systemd.units == {}


def test_a_pod_is_a_slice_with_limits_at_the_place_that_was_told(host: Host) -> None:
    path = host.do(lambda driver: make_pod(driver, limits=Limits(memory_limit_bytes=64 << 20)))
    assert path.startswith("/hostpod.slice/hostpod-burstable.slice/hostpod-burstable-pod")
    assert host.directory(path).is_dir()
    slice_ = host.systemd.units[path.rpartition("/")[2]]
    assert slice_["Description"] == "pod default/web"
    assert slice_["MemoryMax"] == 64 << 20
    assert "hostpod-besteffort.slice" in host.systemd.units, "somebody had stopped all: the classes are made first"


def test_a_slice_of_an_earlier_try_gets_the_limits_of_now(host: Host) -> None:
    path = host.do(make_pod)
    host.do(lambda driver: make_pod(driver, limits=Limits(pids_limit=10)))
    assert host.systemd.units[path.rpartition("/")[2]]["TasksMax"] == 10


def test_a_slice_that_something_runs_in_is_left_alone(host: Host) -> None:
    path = host.do(make_pod)
    (host.directory(path) / "cgroup.procs").write_text("1\n")
    host.do(lambda driver: make_pod(driver, limits=Limits(pids_limit=10)))
    assert host.systemd.units[path.rpartition("/")[2]]["TasksMax"] == (1 << 64) - 1


def test_a_slice_of_systemd_s_own_doing_is_limited_and_nothing_in_it_ended(host: Host) -> None:
    path = host.do(make_pod)
    name = path.rpartition("/")[2]
    host.systemd.units[name] = {}
    (host.directory(path) / "cgroup.procs").write_text("1\n")
    host.do(lambda driver: make_pod(driver, limits=Limits(pids_limit=10)))
    assert host.systemd.units[name]["TasksMax"] == 10
    assert host.directory(path).is_dir()


def test_a_slice_that_somebody_stops_is_made_anew_when_it_has_stopped(host: Host) -> None:
    path = host.do(make_pod)
    name = path.rpartition("/")[2]
    (host.directory(path) / "cgroup.procs").write_text("1\n")
    host.systemd.stopping.add(name)
    host.do(make_pod)
    assert (host.directory(path) / "cgroup.procs").read_text() == ""
    assert host.systemd.units[name]["Description"] == "pod default/web"


def test_runc_s_scope_is_where_the_container_is_looked_for(host: Host) -> None:
    """runc makes the scope PREFIX-NAME.scope in SLICE of SLICE:PREFIX:NAME."""

    async def paths(driver: SystemdCgroups) -> list[tuple[str, str, str]]:
        pod = driver.pod_path("BestEffort", "a.b_c-d")
        found = (driver.container_path(pod, "c1"), driver.pause_path(pod))
        return [(pod, path, driver.oci_path(path)) for path in found]

    container, pause = host.do(paths)
    for pod, path, told in (container, pause):
        slice_name, prefix, name = told.split(":")
        assert path == f"{pod}/{prefix}-{name}.scope"
        assert pod.endswith(f"/{slice_name}")
    assert container != pause


MONITORS = "/hostpod.slice/hostpod-monitors.slice"


async def place(driver: SystemdCgroups) -> None:
    pod = await make_pod(driver)
    await driver.monitor_place("c1", pod=pod, description="conmon of web")(4711)


def test_a_monitor_gets_a_scope_where_no_limit_of_its_pod_holds(host: Host) -> None:
    host.do(place)
    assert (host.directory(MONITORS) / "hostpod-conmon-c1.scope" / "cgroup.procs").read_text() == "4711\n"
    assert host.systemd.units["hostpod-conmon-c1.scope"]["Description"] == "conmon of web"
    with pytest.raises(
        CgroupError, match=r"cannot make a scope for conmon: there is a hostpod-conmon-c1.scope already"
    ):
        host.do(place)


def test_monitors_have_their_slice_though_somebody_stopped_it(host: Host) -> None:
    host.do(make_pod)
    host.systemd.units.pop("hostpod-monitors.slice")
    shutil.rmtree(host.directory(MONITORS))
    host.do(place)
    assert host.systemd.units["hostpod-monitors.slice"]["DefaultDependencies"] is False


def test_the_scope_of_a_monitor_that_ended_before_it_was_in_it_goes_when_the_next_daemon_starts(host: Host) -> None:
    host.do(place)
    host.do(lambda driver: driver.open())
    assert "hostpod-conmon-c1.scope" in host.systemd.units
    (host.directory(MONITORS) / "hostpod-conmon-c1.scope" / "cgroup.procs").write_text("")
    host.do(lambda driver: driver.open())
    assert "hostpod-conmon-c1.scope" not in host.systemd.units


def test_a_slice_that_cannot_be_made_anew_is_a_refusal_and_not_a_pod_without_limits(host: Host) -> None:
    path = host.do(make_pod)
    host.systemd.held.add(path.rpartition("/")[2])
    with pytest.raises(CgroupError, match=r"^cannot set the limits of hostpod-burstable-pod.*: systemd keeps a unit"):
        host.do(make_pod)


def test_removal_stops_the_slice_and_takes_what_is_left_in_other_hierarchies(host: Host, tmp_path: Path) -> None:
    path = host.do(make_pod)
    controllers = {name: tmp_path / name for name in ("memory", "devices")}
    left = controllers["devices"] / path.lstrip("/") / "hostpod-c1.scope"
    left.mkdir(parents=True)
    host.layout = replace(host.layout, version="hybrid", controllers=controllers)
    host.do(lambda driver: driver.remove(path))
    host.do(lambda driver: driver.remove(path))
    assert path.rpartition("/")[2] not in host.systemd.units
    assert not host.directory(path).exists()
    assert not left.parent.exists()
    assert "hostpod-burstable.slice" in host.systemd.units


def test_nothing_that_runs_is_stopped_by_a_removal(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "REMOVAL_DEADLINE_S", 0.01)
    path = host.do(make_pod)
    (host.directory(path) / "cgroup.procs").write_text(f"{NOBODY}\n")
    with pytest.raises(CgroupError, match=rf"cannot remove cgroup {path}: processes \[{NOBODY}\] are in it"):
        host.do(lambda driver: driver.remove(path))
    assert path.rpartition("/")[2] in host.systemd.units


def test_pods_are_found_as_units_and_as_directories(host: Host) -> None:
    path = host.do(make_pod)
    host.systemd.units["hostpod-podgone.slice"] = {}
    host.do(make_pod, root="hostpod-test")
    left = "/hostpod.slice/hostpod-besteffort.slice/hostpod-besteffort-podleft.slice"
    host.directory(left).mkdir(parents=True)
    assert set(host.do(lambda driver: driver.list_pods())) == {
        PodCgroup(uid=UID.replace("-", "_"), path=path),
        PodCgroup(uid="gone", path="/hostpod.slice/hostpod-podgone.slice"),
        PodCgroup(uid="left", path=left),
    }


def test_the_last_pod_s_end_leaves_no_slice(host: Host) -> None:
    path = host.do(make_pod, root="hostpod-test-1")
    host.do(lambda driver: driver.close(), root="hostpod-test-1")
    assert "hostpod-test-1-burstable.slice" in host.systemd.units, "a pod is in it"
    host.do(lambda driver: driver.remove(path), root="hostpod-test-1")
    host.do(lambda driver: driver.close(), root="hostpod-test-1")
    assert host.systemd.units == {}, "not even the slices that the root's name puts it below"
    assert not host.directory("/hostpod.slice").exists()


def test_a_monitor_that_runs_keeps_its_slice_and_what_is_above(host: Host) -> None:
    host.do(place)
    host.do(lambda driver: driver.remove(driver.pod_path("Burstable", UID)))
    scope = host.directory(MONITORS) / "hostpod-conmon-c1.scope"
    (scope / "cgroup.procs").write_text(f"{NOBODY}\n")
    host.do(lambda driver: driver.close())
    assert {"hostpod.slice", "hostpod-monitors.slice"} <= set(host.systemd.units)
    (scope / "cgroup.procs").write_text("")
    host.do(lambda driver: driver.close())
    assert host.systemd.units == {}, "a scope that systemd has not taken away yet keeps nothing"


def test_a_slice_above_the_root_that_somebody_wrote_a_file_for_runs_on(host: Host) -> None:
    host.systemd.files |= {"a.slice", "a-b.slice"}
    host.do(lambda driver: driver.open(), root="a-b")
    host.do(lambda driver: driver.close(), root="a-b")
    assert set(host.systemd.units) == {"a.slice"}


def test_the_root_goes_from_hierarchies_that_systemd_does_not_know(host: Host, tmp_path: Path) -> None:
    host.systemd.files.add("hostpod.slice")
    host.layout = replace(host.layout, version="hybrid", controllers={"freezer": tmp_path / "freezer"})
    host.do(lambda driver: driver.open())
    left = tmp_path / "freezer/hostpod.slice"
    (left / "hostpod-burstable.slice").mkdir(parents=True)
    host.do(lambda driver: driver.close())
    assert not left.exists()


def test_what_systemd_refuses_is_a_refusal_of_the_cgroup(host: Host) -> None:
    def refuse(*_: object) -> None:
        raise RefusalError("org.freedesktop.DBus.Error.AccessDenied", "Access denied")

    path = host.do(make_pod)
    for method in ("StartTransientUnit", "StopUnit", "ListUnitsByPatterns"):
        host.bus.methods[method] = refuse
    for verb in (
        lambda driver: driver.open(),
        make_pod,
        lambda driver: driver.monitor_place("c1", pod=path, description="")(1),
        lambda driver: driver.remove(path),
        lambda driver: driver.list_pods(),
    ):
        with pytest.raises(CgroupError, match=r"^cannot (start|stop|list) hostpod.*: Access denied$"):
            host.do(verb)


def test_why_slices_stay_at_the_end_is_said(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    host.do(lambda driver: driver.open())
    host.systemd.outcome = "failed"
    with caplog.at_level(logging.WARNING):
        host.do(lambda driver: driver.close())
    (said,) = caplog.messages
    assert said == (
        "hostpod-besteffort.slice and the slices above it are left: "
        "cannot stop hostpod-besteffort.slice: systemd's job ended as failed"
    )


def test_on_v1_limits_are_those_of_v1(host: Host, tmp_path: Path) -> None:
    host.layout = Layout(version="v1", controllers={"memory": tmp_path / "cgroup"})
    path = host.do(lambda driver: make_pod(driver, limits=Limits(memory_limit_bytes=1 << 20)))
    slice_ = host.systemd.units[path.rpartition("/")[2]]
    assert (slice_["MemoryLimit"], slice_["CPUShares"]) == (1 << 20, 512)
    assert host.systemd.units["hostpod-besteffort.slice"]["CPUShares"] == 2


def test_a_pod_that_runs_gets_other_limits(host: Host) -> None:
    path = host.do(make_pod)
    host.do(lambda driver: driver.limit_pod(path, Limits(pids_limit=10, memory_limit_bytes=64 << 20)))
    slice_ = host.systemd.units[path.rpartition("/")[2]]
    assert (slice_["TasksMax"], slice_["MemoryMax"]) == (10, 64 << 20)
