"""Calls, signals and refusals over a real socket; the bus at its other end is the test's."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from jeepney import DBusAddress

from hostpod.host.dbus import Bus, BusError, BusRefusalError, Remote
from tests.unit.host.fake_bus import Answer, FakeBus, RefusalError, fake_bus

CLOCKS = Remote(service="org.example.Clocks", path="/clocks", interface="org.example.Clocks1")
ADDRESS = DBusAddress(CLOCKS.path, bus_name=CLOCKS.service, interface=CLOCKS.interface)


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FakeBus]:
    with fake_bus(tmp_path / "bus") as bus:
        yield bus


def test_a_call_is_answered(far: FakeBus) -> None:
    far.methods["Add"] = lambda one, other: ("u", (one + other,))

    async def scenario() -> tuple[object, ...]:
        bus = Bus(far.path)
        try:
            assert await bus.call(CLOCKS, "Add", "uu", 2, 3) == (5,)
            return await bus.call(CLOCKS, "Add", "uu", 4, 5)
        finally:
            bus.close()

    assert asyncio.run(scenario()) == (9,)
    assert far.connections == 1


def test_many_calls_at_once_share_one_connection(far: FakeBus) -> None:
    far.methods["Echo"] = lambda text: ("s", (text,))

    async def scenario() -> list[str]:
        bus = Bus(far.path)
        async with asyncio.TaskGroup() as tasks:
            calls = [tasks.create_task(bus.call(CLOCKS, "Echo", "s", "x" * 5000 + str(n))) for n in range(50)]
        bus.close()
        return [call.result()[0][5000:] for call in calls]

    assert asyncio.run(scenario()) == [str(n) for n in range(50)]
    assert far.connections == 1


def test_a_property(far: FakeBus) -> None:
    far.methods["Get"] = lambda interface, name: ("v", (("s", f"{name} of {interface}"),))

    async def scenario() -> object:
        bus = Bus(far.path)
        try:
            return await bus.property(CLOCKS, "Zone")
        finally:
            bus.close()

    assert asyncio.run(scenario()) == "Zone of org.example.Clocks1"


def test_a_refusal_has_its_name_and_its_words(far: FakeBus) -> None:
    def refuse() -> None:
        raise RefusalError("org.example.Broken", "the spring is broken")

    far.methods["Wind"] = refuse

    async def scenario() -> None:
        bus = Bus(far.path)
        try:
            await bus.call(CLOCKS, "Wind")
        finally:
            bus.close()

    with pytest.raises(
        BusRefusalError, match=r"^cannot call Wind of org.example.Clocks: the spring is broken$"
    ) as told:
        asyncio.run(scenario())
    assert told.value.name == "org.example.Broken"


def test_no_bus(tmp_path: Path) -> None:
    with pytest.raises(BusError, match=r"^cannot reach the system bus at .*: no such file or directory; is dbus run"):
        asyncio.run(Bus(tmp_path / "none").call(CLOCKS, "Add"))


def test_a_service_that_never_answers(far: FakeBus) -> None:
    far.methods["Sleep"] = lambda: None

    async def scenario() -> None:
        bus = Bus(far.path)
        try:
            await bus.call(CLOCKS, "Sleep", timeout_s=0.01)
        finally:
            bus.close()

    with pytest.raises(BusError, match=r"cannot call Sleep of org.example.Clocks: no answer within 0.01 s"):
        asyncio.run(scenario())


def test_a_call_fails_with_its_connection_and_the_next_one_connects_anew(far: FakeBus) -> None:
    far.methods["Add"] = lambda one, other: ("u", (one + other,))
    far.methods["Crash"] = far.hang_up

    async def scenario() -> None:
        bus = Bus(far.path)
        with pytest.raises(BusError, match=r"cannot call Crash of org.example.Clocks: the connection to .* was lost"):
            await bus.call(CLOCKS, "Crash")
        assert await bus.call(CLOCKS, "Add", "uu", 2, 3) == (5,)
        bus.close()

    asyncio.run(scenario())
    assert far.connections == 2


def test_signals_are_heard_while_somebody_listens(far: FakeBus) -> None:
    def strike() -> Answer:
        far.signal(ADDRESS, "Struck", "u", (12,))
        return "", ()

    far.methods["Strike"] = strike

    async def scenario() -> tuple[object, ...]:
        bus = Bus(far.path)
        await bus.open()
        with bus.listen(CLOCKS, "Struck") as one, bus.listen(CLOCKS, "Struck") as other:
            await bus.call(CLOCKS, "Strike")
            assert far.rules == [
                "type='signal',sender='org.example.Clocks',path='/clocks',interface='org.example.Clocks1',member='Struck'"
            ]
            assert await one.get() == (12,)
            heard = await other.get()
        await bus.call(CLOCKS, "Strike")
        bus.close()
        return heard

    assert asyncio.run(scenario()) == (12,)
    assert far.rules == []


def test_who_listens_is_told_that_the_bus_is_gone(far: FakeBus) -> None:
    async def scenario() -> None:
        bus = Bus(far.path)
        await bus.open()
        with bus.listen(CLOCKS, "Struck") as signals:
            far.hang_up()
            for _ in range(2):
                with pytest.raises(BusError, match=r"the connection to .* was lost: it hung up"):
                    await signals.get()
        bus.close()

    asyncio.run(scenario())


def test_who_stops_listening_to_a_lost_connection_leaves_those_of_the_next_one(far: FakeBus) -> None:
    def strike() -> Answer:
        far.signal(ADDRESS, "Struck", "u", (12,))
        return "", ()

    far.methods["Strike"] = strike

    async def scenario() -> tuple[object, ...]:
        bus = Bus(far.path)
        await bus.open()
        with ExitStack() as former:
            lost = former.enter_context(bus.listen(CLOCKS, "Struck"))
            far.hang_up()
            with pytest.raises(BusError):
                await lost.get()
            await bus.open()
            with bus.listen(CLOCKS, "Struck") as signals:
                former.close()
                await bus.call(CLOCKS, "Strike")
                async with asyncio.timeout(5):
                    heard = await signals.get()
                assert len(far.rules) == 2, "the one that was lost, and this"
        bus.close()
        return heard

    assert asyncio.run(scenario()) == (12,)


def test_listening_needs_a_connection(far: FakeBus) -> None:
    with pytest.raises(BusError, match=r"cannot listen"), Bus(far.path).listen(CLOCKS, "Struck"):
        pass


def test_a_descriptor_comes_with_its_answer(far: FakeBus, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("tick")

    def lend() -> tuple[str, tuple[object, ...]]:
        return "h", (os.open(tmp_path / "note", os.O_RDONLY),)

    far.methods["Lend"] = lend

    async def scenario() -> bytes:
        bus = Bus(far.path)
        (lent,) = await bus.call(CLOCKS, "Lend")
        descriptor = lent.to_raw_fd()
        try:
            return os.read(descriptor, 10)
        finally:
            os.close(descriptor)
            bus.close()

    assert asyncio.run(scenario()) == b"tick"


def test_jeepney_is_not_loaded_before_it_is_needed() -> None:
    line = "import hostpod.daemon, sys; raise SystemExit('jeepney' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", line], check=False).returncode == 0
