"""Jobs of systemd over a real socket; the systemd at its other end is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from hostpod.host import units as module
from hostpod.host.dbus import Bus
from hostpod.host.units import UnitError, Units
from tests.unit.host.fake_bus import FakeBus, RefusalError, fake_bus
from tests.unit.host.fake_systemd import FakeSystemd

Result = TypeVar("Result")


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FakeBus]:
    with fake_bus(tmp_path / "bus") as bus:
        yield bus


@pytest.fixture
def systemd(far: FakeBus, tmp_path: Path) -> FakeSystemd:
    return FakeSystemd(far, tmp_path / "cgroup")


def asked(far: FakeBus, what: Callable[[Units], Awaitable[Result]]) -> Result:
    async def scenario() -> Result:
        bus = Bus(far.path)
        try:
            return await what(Units(bus))
        finally:
            bus.close()

    return asyncio.run(scenario())


def test_a_unit_is_made_with_its_properties_and_is_there_when_the_job_has_ended(
    far: FakeBus, systemd: FakeSystemd
) -> None:
    properties = {"Description": ("s", "pod default/web"), "TasksMax": ("t", 7), "PIDs": ("au", [1, 2])}

    async def make(units: Units) -> bool:
        made = await units.start_transient("a-b.slice", properties)
        assert systemd.directory("a-b.slice").is_dir()
        await units.loaded("*")  # the bus has carried out all that was asked of it before
        assert far.rules == [], "nobody listens any more"
        return made

    assert asked(far, make)
    assert systemd.units["a-b.slice"] == {"Description": "pod default/web", "TasksMax": 7, "PIDs": [1, 2]}


def test_one_that_there_is_stays_as_it_is(far: FakeBus, systemd: FakeSystemd) -> None:
    systemd.units["a.slice"] = {"TasksMax": 1}
    assert not asked(far, lambda units: units.start_transient("a.slice", {"TasksMax": ("t", 7)}))
    assert systemd.units["a.slice"] == {"TasksMax": 1}


def test_stopping_what_there_is_not_is_fine(far: FakeBus, systemd: FakeSystemd) -> None:
    async def stop(units: Units) -> None:
        await units.start("a-b.slice")
        await units.stop("a.slice")
        await units.stop("a.slice")

    asked(far, stop)
    assert systemd.units == {}
    assert not systemd.directory("a.slice").exists()


def test_many_jobs_at_once_end_each_with_its_own(far: FakeBus, systemd: FakeSystemd) -> None:
    async def make(units: Units) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(20):
                tasks.create_task(units.start_transient(f"a-{number}.slice", {}))

    asked(far, make)
    assert set(systemd.units) == {"a.slice", *(f"a-{number}.slice" for number in range(20))}


def test_a_job_that_fails_is_said(far: FakeBus, systemd: FakeSystemd) -> None:
    systemd.outcome = "failed"
    with pytest.raises(UnitError, match=r"^cannot start a.slice: systemd's job ended as failed$"):
        asked(far, lambda units: units.start_transient("a.slice", {}))


def test_a_job_that_never_ends_is_said(far: FakeBus, systemd: FakeSystemd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JOB_DEADLINE_S", 0.05)
    systemd.outcome = ""
    with pytest.raises(UnitError, match=r"^cannot start a.slice: its job did not end within 0.05 s$"):
        asked(far, lambda units: units.start("a.slice"))


def test_a_bus_that_is_lost_meanwhile_is_said(far: FakeBus, systemd: FakeSystemd) -> None:
    far.methods["StopUnit"] = lambda *_: far.hang_up()
    with pytest.raises(UnitError, match=r"^cannot stop a.slice: cannot call StopUnit .*: the connection .* was lost"):
        asked(far, lambda units: units.stop("a.slice"))


@pytest.mark.parametrize(
    ("method", "what", "words"),
    [
        ("StartTransientUnit", lambda units: units.start_transient("a.slice", {}), "start a.slice"),
        ("StartUnit", lambda units: units.start("a.slice"), "start a.slice"),
        ("StopUnit", lambda units: units.stop("a.slice"), "stop a.slice"),
        ("ListUnitsByPatterns", lambda units: units.loaded("a*"), r"list a\*"),
        ("LoadUnit", lambda units: units.has_file("a.slice"), "look at a.slice"),
        ("Get", lambda units: units.has_file("a.slice"), "look at a.slice"),
    ],
)
def test_what_systemd_refuses_has_its_words(
    far: FakeBus, systemd: FakeSystemd, method: str, what: Callable[[Units], Awaitable[object]], words: str
) -> None:
    def refuse(*_: object) -> None:
        raise RefusalError("org.freedesktop.DBus.Error.AccessDenied", "Access denied")

    far.methods[method] = refuse
    with pytest.raises(UnitError, match=rf"^cannot {words}: cannot call {method} of org.freedesktop.* Access denied$"):
        asked(far, what)


def test_without_a_bus_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match=r"^cannot start a.slice: cannot reach the system bus .* is dbus running\?$"):
        asyncio.run(Units(Bus(tmp_path / "none")).start("a.slice"))


def test_a_slice_of_a_file_is_told_from_a_transient_one(far: FakeBus, systemd: FakeSystemd) -> None:
    systemd.files.add("a.slice")
    assert asked(far, lambda units: units.has_file("a.slice"))
    assert not asked(far, lambda units: units.has_file("b.slice"))


def test_units_are_listed_by_their_names(far: FakeBus, systemd: FakeSystemd) -> None:
    systemd.units |= {"a-b.slice": {}, "b.slice": {}, "a-c.slice": {}}
    assert asked(far, lambda units: units.loaded("a-*.slice")) == ("a-b.slice", "a-c.slice")
