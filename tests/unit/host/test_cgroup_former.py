"""Both drivers on one host: a systemd of the tests', and cgroups that are plain directories."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

import pytest

from hostpod.host.cgroup import Cgroups
from hostpod.host.cgroup_former import ChangedCgroups
from hostpod.host.cgroup_fs import FileCgroups
from hostpod.host.cgroup_layout import Layout
from hostpod.host.cgroup_systemd import SystemdCgroups
from hostpod.host.dbus import Bus
from hostpod.host.units import Units
from tests.unit.host.fake_bus import FakeBus, fake_bus
from tests.unit.host.fake_systemd import FakeSystemd
from tests.unit.host.test_slices import Limits

Result = TypeVar("Result")
Name = Literal["systemd", "cgroupfs"]


class Host:
    """`root` is where its cgroups are. v1's one hierarchy, as nobody but the kernel makes v2's files."""

    def __init__(self, bus: FakeBus, root: Path) -> None:
        self.root = root
        self.systemd = FakeSystemd(bus, root)
        self._bus = bus

    def do(self, now: Name, what: Callable[[ChangedCgroups], Awaitable[Result]]) -> Result:
        async def scenario() -> Result:
            bus = Bus(self._bus.path)
            tree = Cgroups("hostpod", Layout(version="v1", controllers={"pids": self.root}))
            files, systemd = FileCgroups(tree), SystemdCgroups("hostpod", tree, Units(bus))
            changed = ChangedCgroups(now=files, former=systemd)
            if now == "systemd":
                changed = ChangedCgroups(now=systemd, former=files)
            try:
                return await what(changed)
            finally:
                bus.close()

        return asyncio.run(scenario())

    def empty(self) -> None:
        """Control files, which really go with their directory."""
        for path in [path for path in self.root.rglob("*") if path.is_file()]:
            path.unlink()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    root = tmp_path / "pids"
    root.mkdir()
    with fake_bus(tmp_path / "bus") as bus:
        yield Host(bus, root)


async def make(driver: ChangedCgroups, uid: str) -> str:
    await driver.open()
    path = driver.pod_path("Burstable", uid)
    await driver.create_pod(path, Limits(), description=uid)
    return path


@pytest.mark.parametrize(("former", "now"), [("systemd", "cgroupfs"), ("cgroupfs", "systemd")])
def test_a_pod_stays_with_its_driver_and_comes_again_with_that_of_now(host: Host, former: Name, now: Name) -> None:
    old = host.do(former, lambda driver: make(driver, "old"))

    async def changed(driver: ChangedCgroups) -> str:
        new = await make(driver, "new")
        assert driver.pod_path("Burstable", "old") == old
        for pod, by_systemd in ((old, former == "systemd"), (new, now == "systemd")):
            container = driver.container_path(pod, "c1")
            for path in (container, driver.pause_path(pod)):
                assert driver.by_systemd(path) is by_systemd
                assert (".slice:hostpod:" in driver.oci_path(path)) is by_systemd
                assert bool(driver.annotations(path, description="web")) is by_systemd
            assert (driver.monitor_place("c1", pod=pod, description="conmon") is not None) is by_systemd
            assert driver.oom_kills(container) == 0
        assert {pod.path for pod in await driver.list_pods()} == {old, new}
        await driver.create_pod(old, Limits(), description="again")
        host.empty()
        await driver.kill_all(old)
        await driver.remove(old)
        again = driver.pod_path("Burstable", "old")
        assert driver.by_systemd(again) is (now == "systemd")
        await driver.remove(again)  # what an end does when it is tried again
        assert {pod.path for pod in await driver.list_pods()} == {new}
        await driver.remove(new)
        await driver.close()
        return driver.name

    assert host.do(now, changed) == now
    assert host.systemd.units == {}
    assert not list(host.root.iterdir())


@pytest.mark.parametrize(("former", "now"), [("systemd", "cgroupfs"), ("cgroupfs", "systemd")])
def test_a_former_root_without_pods_goes_at_once(host: Host, former: Name, now: Name) -> None:
    host.do(former, lambda driver: driver.open())
    before = set(host.root.iterdir())
    host.empty()
    host.do(now, lambda driver: driver.open())
    assert not before & set(host.root.iterdir())


def test_a_pod_of_now_is_not_mistaken_for_what_is_left_of_its_former_life(host: Host) -> None:
    (host.root / "hostpod/burstable/podu1").mkdir(parents=True)
    host.systemd.directory("hostpod-burstable-podu1.slice").mkdir(parents=True)
    path = host.do("systemd", lambda driver: asyncio.sleep(0, driver.pod_path("Burstable", "u1")))
    assert path.endswith("hostpod-burstable-podu1.slice")
