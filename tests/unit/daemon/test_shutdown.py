"""A shutdown of the host, with a made-up logind on a real socket and an engine on a machine of plain files."""

from __future__ import annotations

import asyncio
import logging
import os
import select
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from jeepney import DBusAddress
from jeepney.fds import FileDescriptor

from hostpod.daemon import shutdown
from hostpod.daemon.shutdown import HostShutdown
from hostpod.engine.engine import Engine
from hostpod.host.dbus import Bus
from hostpod.kube.priority import CRITICAL
from hostpod.plan.leaving import Farewell
from tests.unit.engine.a_host import Host, a_host, named
from tests.unit.engine.conftest import machine
from tests.unit.engine.machine import Machine
from tests.unit.host.fake_bus import FakeBus, RefusalError, fake_bus

__all__ = ["machine"]

MANAGER = DBusAddress(
    "/org/freedesktop/login1", bus_name="org.freedesktop.login1", interface="org.freedesktop.login1.Manager"
)


class Logind:
    """What logind has to say: inhibitors are pipes, and one that is let go can be read at its other end."""

    def __init__(self, bus: FakeBus) -> None:
        self._bus = bus
        self.delay_max_s = 60.0
        self.preparing = False
        self.inhibitors: list[int] = []
        self.asked: list[tuple[str, ...]] = []
        bus.methods |= {"Get": self._get, "Inhibit": self._inhibit}

    def prepare(self, *, shutdown: bool) -> None:
        """Tell that a shutdown begins or was called off."""
        self.preparing = shutdown
        self._bus.signal(MANAGER, "PrepareForShutdown", "b", (shutdown,))

    def is_held_up(self) -> bool:
        """Whether somebody holds an inhibitor."""
        return any(not select.select([end], [], [], 0)[0] for end in self.inhibitors)

    def _get(self, _interface: str, name: str) -> tuple[str, tuple[Any, ...]]:
        values = {
            "PreparingForShutdown": ("b", self.preparing),
            "InhibitDelayMaxUSec": ("t", int(self.delay_max_s * 1e6)),
        }
        return "v", (values[name],)

    def _inhibit(self, *asked: str) -> tuple[str, tuple[Any, ...]]:
        if self.preparing:
            raise RefusalError("org.freedesktop.login1.OperationInProgress", "a shutdown is in progress")
        self.asked.append(asked)
        end, given = os.pipe()
        self.inhibitors.append(end)
        return "h", (_Given(given),)


class _Given(FileDescriptor):  # type: ignore[misc]  # jeepney has no types
    """Closed once it is sent: the receiver has the only one."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)

    def __del__(self) -> None:
        self.close()


@asynccontextmanager
async def guarded(
    machine: Machine, directory: Path, *, preparing: bool = False, delay_max_s: float = 60.0
) -> AsyncIterator[tuple[Host, Logind, FakeBus]]:
    """Three pods that run, and a daemon that looks out for a shutdown of their host."""
    with fake_bus(directory / "bus") as served:
        logind = Logind(served)
        logind.preparing, logind.delay_max_s = preparing, delay_max_s
        async with a_host(machine) as host, asyncio.TaskGroup() as tasks:
            host.apply(named("critical", "1", priority=CRITICAL), named("web", "2"), named("db", "3", priority=7))
            await host.until_running()
            with closing(Bus(directory / "bus")) as bus:
                edges = host.engine._edges
                of_host = HostShutdown(host.engine, lambda: edges.config, bus)
                guard = tasks.create_task(of_host.run())
                await until(lambda: logind.is_held_up() or preparing)
                yield host, logind, served
                guard.cancel()
                await asyncio.wait([guard])
            of_host._stay()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the other side is a thread
            await asyncio.sleep(0.005)


def stopped(host: Host) -> list[str]:
    return [event["involvedObject"]["name"] for event in host.node.events() if event["reason"] == "Killing"]


@pytest.fixture(autouse=True)
def booted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown, "systemd_runs", lambda: True)


def test_a_shutdown_waits_until_the_pods_have_ended_in_order(machine: Machine, tmp_path: Path) -> None:
    async def run() -> None:
        async with guarded(machine, tmp_path) as (host, logind, _):
            assert logind.asked == [("shutdown", "hostpod", "pods are ended in order", "delay")]
            logind.prepare(shutdown=True)
            await until(lambda: not logind.is_held_up())
            assert host.engine.is_empty()
            assert stopped(host) == ["web", "db", "critical"]
            assert {pod["status"]["reason"] for pod in host.node.pods()} == {"Terminated"}

    asyncio.run(run())


def test_a_shutdown_that_is_called_off_brings_them_back_and_the_next_waits_again(
    machine: Machine, tmp_path: Path
) -> None:
    async def run() -> None:
        async with guarded(machine, tmp_path) as (host, logind, _):
            for _ in range(2):
                logind.prepare(shutdown=True)
                await until(host.engine.is_empty)
                logind.prepare(shutdown=False)
                await host.until_running()
                await until(logind.is_held_up)

    asyncio.run(run())


def test_a_daemon_that_starts_in_the_middle_of_a_shutdown_ends_the_pods(machine: Machine, tmp_path: Path) -> None:
    async def run() -> None:
        async with guarded(machine, tmp_path, preparing=True) as (host, logind, _):
            await until(host.engine.is_empty)
            assert logind.inhibitors == []
            logind.prepare(shutdown=False)
            await host.until_running()

    asyncio.run(run())


def test_where_the_bus_goes_first_the_pods_end_all_the_same(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shutdown, "RECONNECT_S", 0.01)

    async def run() -> None:
        async with guarded(machine, tmp_path) as (host, logind, bus):
            logind.prepare(shutdown=True)
            bus.hang_up()
            await until(host.engine.is_empty)
            await until(lambda: len(bus.rules) > 1)
            logind.prepare(shutdown=False)
            await host.until_running()

    asyncio.run(run())
    told, *_ = [line for line in caplog.messages if line.startswith("a shutdown of the host does not wait for pods")]
    assert f"the connection to {tmp_path}/bus was lost" in told


def test_each_loss_is_told_and_mended_soon(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shutdown, "RECONNECT_S", 0.01)
    caplog.set_level(logging.INFO)
    connections: list[int] = []

    async def run() -> None:
        async with guarded(machine, tmp_path) as (_, logind, bus):
            for loss in range(1, 4):
                bus.hang_up()
                await until(lambda: caplog.text.count("a shutdown of the host does not wait") == loss)  # noqa: B023 - awaited here
                await until(lambda: caplog.text.count("waits for pods to end again") == loss)  # noqa: B023
                connections.append(bus.connections)
            await until(logind.is_held_up)

    asyncio.run(run())
    assert connections == [2, 3, 4]  # so the first attempt succeeded each time


def test_a_logind_that_was_told_to_wait_longer_is_taken_at_its_word(
    machine: Machine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def run() -> None:
        async with guarded(machine, tmp_path, delay_max_s=5) as (host, logind, _):
            await until(lambda: "logind holds up" in caplog.text)
            logind.delay_max_s = 60
            logind.prepare(shutdown=True)
            await until(host.engine.is_empty)

    asyncio.run(run())
    assert "the host shuts down: pods end within 30 s" in caplog.text


def test_a_logind_that_does_not_answer_any_more_is_not_waited_for(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shutdown, "ASK_DEADLINE_S", 0.05)
    caplog.set_level(logging.INFO)

    async def run() -> None:
        async with guarded(machine, tmp_path, delay_max_s=5) as (host, logind, bus):
            await until(lambda: "logind holds up" in caplog.text)
            bus.methods["Get"] = lambda *_: None
            logind.prepare(shutdown=True)
            await until(host.engine.is_empty)

    asyncio.run(run())
    assert "the host shuts down: pods end within 5 s" in caplog.text


def test_a_logind_that_waits_less_long_is_told_of_and_kept_to(
    machine: Machine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def run() -> None:
        async with guarded(machine, tmp_path, delay_max_s=5) as (host, logind, _):
            await until(lambda: "logind holds up" in caplog.text)
            logind.prepare(shutdown=True)
            await until(host.engine.is_empty)

    asyncio.run(run())
    assert (
        "logind holds up a shutdown for 5 s only, and shutdownGracePeriod is 30 s: write [Login] and "
        "InhibitDelayMaxSec=30 into /etc/systemd/logind.conf.d/hostpod.conf and restart systemd-logind"
    ) in caplog.text
    assert "the host shuts down: pods end within 5 s" in caplog.text


def test_of_a_time_that_is_cut_short_all_pods_have_their_share(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    farewells: list[Farewell] = []
    leave = Engine.leave

    async def noted(engine: Engine, farewell: Farewell) -> None:
        farewells.append(farewell)
        await leave(engine, farewell)

    monkeypatch.setattr(Engine, "leave", noted)

    async def run() -> None:
        async with guarded(machine, tmp_path, delay_max_s=6) as (host, logind, _):
            logind.prepare(shutdown=True)
            await until(host.engine.is_empty)

    asyncio.run(run())
    assert [(each.total_s, each.critical_s) for each in farewells] == [(6, 2)]


def test_with_no_time_a_shutdown_is_not_held_up_and_no_pod_is_touched(machine: Machine, tmp_path: Path) -> None:
    machine.config = machine.config.model_copy(update={"shutdown_grace_period_s": 0.0})

    async def run() -> None:
        async with guarded(machine, tmp_path) as (host, logind, _):
            logind.prepare(shutdown=True)
            await until(lambda: not logind.is_held_up())
            assert {pod["status"]["phase"] for pod in host.node.pods()} == {"Running"}

    asyncio.run(run())


def test_where_systemd_does_not_run_nothing_happens(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutdown, "systemd_runs", lambda: False)

    async def run() -> None:
        async with a_host(machine) as host:
            with closing(Bus(tmp_path / "none")) as bus:
                async with asyncio.timeout(1):
                    await HostShutdown(host.engine, lambda: machine.config, bus).run()

    asyncio.run(run())
