from __future__ import annotations

import asyncio
from pathlib import Path

from hostpod.daemon.drain import DRAIN, Drained, Progress, drain, find_strays
from hostpod.engine.engine import Engine
from hostpod.host.cgroup import CgroupError
from tests.unit.daemon.places import places
from tests.unit.engine.a_host import named, until_killed
from tests.unit.engine.machine import Machine


def test_each_pod_is_told_when_it_is_asked_to_end_and_when_it_has_ended(machine: Machine) -> None:
    said: list[str] = []

    async def drained() -> None:
        async with until_killed(machine, named("first", "u1"), named("second", "u2", priority=1)) as host:
            await host.until_running()
        progress = Progress(said.append)
        engine = Engine(machine.edges(), changed=lambda: progress.look(engine))
        await engine.adopt()
        engine.apply([wish for wishes in engine.adopted().values() for wish in wishes])
        progress.look(engine)
        assert said == []
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(engine.run())
            await engine.leave(DRAIN)
            running.cancel()

    asyncio.run(drained())
    assert said == [
        "pod default/first is asked to end",
        "pod default/first ended",
        "pod default/second is asked to end",
        "pod default/second ended",
    ]


def test_where_no_daemon_ran_nothing_is_looked_for_and_nothing_made(tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    assert drain(places(tmp_path), print) == Drained(left=())
    assert [path.name for path in tmp_path.rglob("*")] == ["runtime"]


def test_what_adoption_could_not_remove_is_left(machine: Machine) -> None:
    machine.containers.add("c1")
    machine.cgroups.add("/pods/gone")
    (machine.paths.pods / "gone").mkdir()
    machine.refusals = {
        "delete": CgroupError("it does not end"),
        "remove_cgroup": CgroupError("a process is in state D"),
        "teardown": CgroupError("a volume is busy"),
    }

    async def adopted() -> tuple[str, ...]:
        edges = machine.edges()
        await Engine(edges, changed=lambda: None).adopt()
        return await find_strays(edges)

    assert asyncio.run(adopted()) == ("container c1", "pod gone", "control group /pods/gone")
    machine.refusals.clear()
    assert asyncio.run(adopted()) == ()
