from __future__ import annotations

import asyncio
from functools import partial

from hostpod.engine.worker import Wish, Worker
from hostpod.images import ImagePullError
from hostpod.kube import Pod
from hostpod.kube.annotations import CONFIG_HASH, EGRESS_BANDWIDTH
from hostpod.network import Bandwidth
from hostpod.plan.observed import ObservedPod
from tests.unit.engine.bench import PATIENT, RULE, at_work, runs, web
from tests.unit.engine.machine import Machine, end


def test_a_pods_life(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine) as bench:
            container = await bench.until_running()
            seen = bench.worker.observed()
            assert seen is not None
            assert (seen.namespaces, seen.volumes, seen.network, seen.pause, seen.ip) == (
                True,
                True,
                True,
                True,
                "10.0.0.2",
            )
            assert (container.image_id, container.stop_signal) == ("sha256:1", "SIGTERM")
            assert machine.cgroups == {"/test/BestEffort/podu1"}
            assert bench.reasons() == ["Pulled", "Created", "Started"]
        assert bench.reasons()[-1] == "Killing"

    asyncio.run(run())


def test_what_ends_is_started_again_with_back_off(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine) as bench:
            for attempt in range(3):
                assert (await bench.until_running(attempt)).backoff_s == [0, 0.02, 0.04][attempt]
                end(bench.pid())
            seen = await bench.until(lambda seen: seen is not None and runs(seen.latest("web"), 3))
            ended = seen.previous("web") if seen else None
            assert ended is not None
            assert (ended.exit_code, ended.reason) == (137, "Error")
            (told,) = bench.messages("BackOff")
            assert told == "Back-off restarting failed container web in pod p_default(u1)"

    asyncio.run(run())


def test_the_newest_wish_wins(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine) as bench:
            await bench.until_running()
            for uid in ("u2", "u3", "u4"):
                bench.worker.want(Wish(pod=web(uid), file="web.yaml"))
            await bench.until(lambda seen: seen is not None and seen.uid == "u4" and runs(seen.latest("web"), 0))
            assert bench.reasons().count("Started") == 2

    asyncio.run(run())


def test_a_pod_that_is_not_admitted_yet_is_shown(machine: Machine) -> None:
    edges = machine.edges()
    worker = Worker(edges, RULE, None, lambda: None)
    assert worker.sight() is None
    worker.want(Wish(pod=web(), file="web.yaml"))
    seen = worker.sight()
    assert seen is not None
    assert (seen.uid, seen.containers, seen.ending) == ("u1", (), None)
    assert worker.observed() is None


def test_a_pull_that_nobody_waits_for_is_abandoned(machine: Machine) -> None:
    machine.present.clear()

    async def run() -> None:
        machine.pulling = asyncio.Event()  # and it never comes
        async with at_work(machine) as bench:
            await bench.until(lambda seen: seen is not None and seen.pause)
            assert bench.reasons() == ["Pulling"]

    asyncio.run(run())


def test_an_image_that_came_ends_the_wait(machine: Machine) -> None:
    machine.refusals["ensure"] = ImagePullError("cannot pull img")

    async def run() -> None:
        async with at_work(machine, PATIENT) as bench:
            await bench.until(lambda seen: seen is not None and seen.failures and not seen.busy)
            machine.refusals.clear()
            bench.worker.retry_images()
            await bench.until_running()

    asyncio.run(run())


def test_a_pause_that_dies_is_run_again(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine) as bench:
            container = await bench.until_running()
            state = bench.worker.state
            assert state is not None
            assert state.pause is not None
            killed = state.pause.pid
            end(killed)
            await bench.until(lambda _seen: state.pause is not None and state.pause.pid != killed)
            assert (await bench.until_running()).id == container.id

    asyncio.run(run())


def with_bandwidth(egress: str | None) -> Pod:
    """The pod with another annotation; the mark of its manifest follows."""
    pod = web()
    annotations = {CONFIG_HASH: f"h-{egress}"} | ({EGRESS_BANDWIDTH: egress} if egress else {})
    return pod.model_copy(update={"metadata": pod.metadata.model_copy(update={"annotations": annotations})})


def says(pod: Pod, seen: ObservedPod | None) -> bool:
    return seen is not None and seen.pod.metadata.annotations == pod.metadata.annotations


def test_another_bandwidth_holds_at_once(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine) as bench:
            await bench.until_running()
            assert machine.bandwidth["u1"] == Bandwidth()
            for wished, bits_per_s in (("1M", 10**6), ("2M", 2 * 10**6), (None, None)):
                bench.worker.want(Wish(pod=with_bandwidth(wished), file="web.yaml"))
                await bench.until(partial(says, with_bandwidth(wished)))
                assert machine.bandwidth["u1"] == Bandwidth(egress_bits_per_s=bits_per_s)
            assert bench.reasons().count("Started") == 1

    asyncio.run(run())
