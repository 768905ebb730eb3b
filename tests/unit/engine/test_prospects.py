"""What other wishes would make of pods, on the machine of machine.py: nothing of it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hostpod.engine.worker import Wish
from hostpod.kube import Pod
from hostpod.kube.annotations import AFTER, CONFIG_HASH, REPLACE, REPLACE_DEADLINE
from hostpod.plan.leaving import Farewell, Leave
from hostpod.plan.prospect import BESIDE, Prospect
from tests.unit.engine.a_host import Host, a_host
from tests.unit.engine.machine import Machine

OUTCOME = tuple[str, tuple[str, ...], tuple[str, ...]]


def version(name: str, mark: str, *, notes: Mapping[str, str] | None = None, **container: Any) -> Pod:
    """A pod as a source gives it: its uid is the mark of its content."""
    meta = {"name": name, "namespace": "default", "uid": mark, "annotations": {CONFIG_HASH: mark, **(notes or {})}}
    spec = {"containers": [{"name": "web", "image": "img", **container}], "terminationGracePeriodSeconds": 1}
    return Pod.model_validate({"metadata": meta, "spec": spec})


def with_port(name: str, mark: str) -> Pod:
    return version(name, mark, ports=[{"containerPort": 80, "hostPort": 8080}])


def prospects(host: Host, *pods: Pod) -> dict[str, Prospect]:
    found = host.engine.prospects([Wish(pod=pod, file=f"{pod.name}.yaml") for pod in pods])
    return {key.removeprefix("default/"): each for key, each in found.items()}


def outcomes(host: Host, *pods: Pod) -> dict[str, OUTCOME]:
    return {name: (each.outcome, each.reasons, each.steps) for name, each in prospects(host, *pods).items()}


def on(machine: Machine, *pods: Pod, check: Callable[[Host], Awaitable[None]]) -> None:
    """Check with these pods running; they are as they were afterwards."""

    async def run() -> None:
        async with a_host(machine, *pods) as host:
            await host.until_running()
            before = host.node.pods(), host.node.events()
            await check(host)
            assert (host.node.pods(), host.node.events()) == before

    asyncio.run(run())


def test_each_pod_that_is_wished_or_here_is_told_of(machine: Machine) -> None:
    async def check(host: Host) -> None:
        edited = version("edited", "b", command=["x"])
        wishes = version("same", "s"), edited, version("imaged", "b", image="other"), version("new", "n")
        assert outcomes(host, *wishes) == {
            "edited": ("replace", ("spec.containers[0].command",), ()),
            "gone": ("end", ("its manifest is gone",), ()),
            "imaged": (
                "change",
                ("spec.containers[0].image",),
                ("Container web definition changed, will be restarted",),
            ),
            "new": ("start", ("it is not here yet",), ()),
            "same": ("none", (), ()),
        }
        found = prospects(host, *wishes)
        assert (found["new"].file, found["edited"].file) == ("new.yaml", "edited.yaml")
        assert found["gone"].file == "web.yaml"
        assert found["edited"].after == edited

    on(machine, *(version(name, name[0]) for name in ("same", "edited", "imaged", "gone")), check=check)


def test_a_port_that_stays_is_a_refusal_and_one_that_goes_is_waited_for(machine: Machine) -> None:
    async def check(host: Host) -> None:
        told = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports: pod default/old"
        wishes = with_port("old", "o"), with_port("new", "n")
        outcome, (reason,), steps = outcomes(host, *wishes)["new"]
        assert (outcome, reason.startswith(f"NodePorts: {told}"), steps) == ("refuse", True, ())
        found = outcomes(host, wishes[1])
        assert found["old"][0] == "end"
        outcome, reasons, (step,) = found["new"]
        assert (outcome, reasons) == ("start", ("it is not here yet",))
        assert step.startswith(f"others have to end first: {told}")

    on(machine, with_port("old", "o"), check=check)


def test_a_change_that_does_not_fit_leaves_the_pod_as_it_is(machine: Machine) -> None:
    async def check(host: Host) -> None:
        greedy = version("web", "b", resources={"requests": {"cpu": "100k"}})
        outcome, (reason,), steps = outcomes(host, greedy)["web"]
        assert (outcome, steps) == ("refuse", ("it goes on as it was",))
        assert reason.startswith("OutOfcpu: Node didn't have enough resource: cpu")

    on(machine, version("web", "a"), check=check)


def test_who_waits_for_whom(machine: Machine) -> None:
    async def check(host: Host) -> None:
        web = version("web", "w", notes={AFTER: "db"})
        assert outcomes(host, web, version("db", "d"))["web"][0] == "start"
        waits = ("waits for pods that are not ready: default/db",)
        assert outcomes(host, web, version("db", "e", command=["x"]))["web"] == ("wait", waits, ())
        unknown = ("waits for pods that no manifest has: db",)
        assert outcomes(host, web) == {
            "db": ("end", ("its manifest is gone",), ()),
            "web": ("wait", unknown, ()),
        }

    on(machine, version("db", "d"), check=check)


def test_a_new_version_that_comes_beside_the_old_one(machine: Machine) -> None:
    async def check(host: Host) -> None:
        gated = version("web", "b", notes={REPLACE: "when-ready"}, command=["x"])
        because = f"metadata.annotations.{REPLACE}", "spec.containers[0].command"
        outcome, (reason,), steps = outcomes(host, gated)["web"]
        assert (outcome, steps) == ("replace", (BESIDE,))
        assert reason in (", ".join(because), because[1])

    on(machine, version("web", "a"), check=check)


def test_a_new_version_that_was_withdrawn(machine: Machine) -> None:
    notes = {REPLACE: "when-ready", REPLACE_DEADLINE: "0"}
    gated = version("web", "b", notes=notes, command=["x"], image="slow")

    async def run() -> None:
        async with a_host(machine, version("web", "a")) as host:
            await host.until_running()
            machine.pulling = asyncio.Event()
            host.apply(gated)
            await host.until(
                lambda _: any(each["status"].get("reason") == "NotReadyInTime" for each in host.node.pods())
            )
            outcome, (reason,), steps = outcomes(host, gated)["web"]
            assert (outcome, steps) == ("refuse", ("it goes on as it was",))
            assert reason.startswith("NotReadyInTime: withdrawn: it was not ready within 0 s")
            host.apply(version("web", "a"))
            await host.until_running()

    asyncio.run(run())


def test_while_all_leave_and_after_an_eviction_nothing_comes(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine, version("web", "a"), version("short", "s")) as host:
            await host.until_running()
            host.engine.evict("default/short", Leave(reason="no memory", until=0.0, waited_until=0.0))
            await host.until(lambda _: host.engine.pod_state("default", "short") is None)
            wishes = version("web", "a"), version("short", "s"), version("new", "n")
            assert outcomes(host, *wishes)["short"] == ("wait", ("no memory",), ())
            farewell = Farewell(reason="all end")
            await host.engine.leave(farewell)
            assert outcomes(host, *wishes)["new"] == ("wait", ("all end",), ())
            assert outcomes(host, *wishes)["web"] == ("wait", ("all end",), ())

    asyncio.run(run())
