from __future__ import annotations

import asyncio

import pytest

from hostpod.engine import containers
from hostpod.host.cgroup import CgroupError
from hostpod.host.conmon import ConmonError, ContainerRefusedError
from hostpod.host.runc import RuncError
from hostpod.images import ImagePullError
from hostpod.network import NetworkError
from hostpod.volumes import VolumeError
from tests.unit.engine.bench import PATIENT, at_work
from tests.unit.engine.machine import Machine, end

REFUSALS: list[tuple[str, Exception, str, str, str]] = [
    (
        "ensure",
        ImagePullError("cannot pull img: no route"),
        "ErrImagePull",
        "Failed",
        'container "web": cannot pull img: no route',
    ),
    (
        "create",
        ConmonError("cannot create the container: odd"),
        "CreateContainerError",
        "Failed",
        'container "web": cannot create the container: odd',
    ),
    (
        "mount_rootfs",
        OSError("no more loops"),
        "CreateContainerError",
        "Failed",
        'cannot create container "web": no more loops',
    ),
    ("start", OSError("odd"), "RunContainerError", "Failed", 'cannot start container "web": odd'),
    (
        "attach",
        NetworkError("no address is free"),
        "CreatePodSandboxError",
        "FailedCreatePodSandBox",
        "cannot join the pod to its network: no address is free",
    ),
    (
        "run_detached",
        RuncError("cannot run pause: odd"),
        "CreatePodSandboxError",
        "FailedCreatePodSandBox",
        "cannot run pause: odd",
    ),
    (
        "create_pod",
        CgroupError("cannot make cgroup /x: odd"),
        "CreatePodSandboxError",
        "FailedCreatePodSandBox",
        "cannot make cgroup /x: odd",
    ),
    (
        "prepare",
        VolumeError('volume "v": no'),
        "ContainerCreating",
        "FailedMount",
        'cannot prepare the pod\'s volumes: volume "v": no',
    ),
]


@pytest.mark.parametrize(("verb", "refusal", "reason", "event", "words"), REFUSALS, ids=[case[0] for case in REFUSALS])
def test_a_refusal_is_told_and_tried_again(
    machine: Machine, verb: str, refusal: Exception, reason: str, event: str, words: str
) -> None:
    machine.refusals[verb] = refusal

    async def run() -> None:
        async with at_work(machine) as bench:
            seen = await bench.until(
                lambda seen: seen is not None and any(f.count == 2 for f in seen.failures.values())
            )
            assert seen is not None
            (failure,) = seen.failures.values()
            assert failure.message == str(refusal)
            assert failure.reason == reason
            assert words in bench.messages(event)
            machine.refusals.clear()
            await bench.until_running()
            assert not (bench.worker.state and bench.worker.state.failures)

    asyncio.run(run())


def test_an_attempt_that_was_refused_leaves_nothing_and_is_not_counted(machine: Machine) -> None:
    machine.refusals["create"] = ConmonError("cannot create the container: odd")

    async def run() -> None:
        async with at_work(machine) as bench:
            await bench.until(lambda seen: seen is not None and any(f.count == 3 for f in seen.failures.values()))
            assert len(bench.worker.state.containers if bench.worker.state else ()) <= 1
            machine.refusals.clear()
            assert (await bench.until_running()).attempt == 0

    asyncio.run(run())


def test_a_program_that_cannot_run_is_an_attempt_that_ended(machine: Machine) -> None:
    machine.refusals["create"] = ContainerRefusedError('exec: "ngnix": not found')

    async def run() -> None:
        async with at_work(machine) as bench:
            seen = await bench.until(
                lambda seen: seen is not None and (last := seen.latest("web")) and last.attempt == 2
            )
            ended = seen.previous("web") if seen else None
            assert ended is not None
            assert (ended.exit_code, ended.reason, ended.message) == (
                128,
                "ContainerCannotRun",
                'exec: "ngnix": not found',
            )
            assert bench.messages("Failed")[-1] == 'exec: "ngnix": not found'
            machine.refusals.clear()

    asyncio.run(run())


def test_a_monitor_that_dies_leaves_an_exit_code_of_its_own(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine, PATIENT, restartPolicy="Never") as bench:
            await bench.until_running()
            end(machine.monitors[-1].pid)
            seen = await bench.until(
                lambda seen: seen is not None and (last := seen.latest("web")) and last.phase == "exited"
            )
            ended = seen.latest("web") if seen else None
            assert ended is not None
            assert (ended.exit_code, ended.message) == (255, "its monitor (conmon) ended without an exit code")
            end(bench.pid())

    asyncio.run(run())


def test_an_admission_that_is_refused_is_told_and_tried_again(machine: Machine) -> None:
    (machine.paths.pods / "u1").write_text("in the way")

    async def run() -> None:
        async with at_work(machine) as bench:
            assert await bench.told("Failed") == f"cannot write the pod down: {machine.paths.pods}/u1: file exists"
            (machine.paths.pods / "u1").unlink()
            await bench.until_running()

    asyncio.run(run())


def test_an_end_that_cannot_be_written_down_is_taken_up_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = []

    def once(*_: object) -> None:
        monkeypatch.undo()
        refused.append(True)
        raise OSError("no space left on device")

    async def run() -> None:
        async with at_work(machine) as bench:
            await bench.until_running()
            with monkeypatch.context() as patch:
                patch.setattr(containers, "note_end", lambda *_: once())
                end(bench.pid())
                told = await bench.told("Failed")
            assert told == 'cannot write down the end of container "web": no space left on device'
            await bench.until_running(attempt=1)

    asyncio.run(run())


def test_a_bug_is_not_taken_for_a_refusal(machine: Machine) -> None:
    machine.refusals["create"] = RuntimeError("a bug")

    async def run() -> None:
        async with at_work(machine):
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(run())
    assert raised.group_contains(RuntimeError, match="a bug")


def test_a_removal_that_is_refused_is_tried_again(machine: Machine) -> None:
    async def run() -> None:
        async with at_work(machine) as bench:
            await bench.until_running()
            machine.refusals["teardown"] = VolumeError("cannot remove the volumes of pod u1: busy")
            bench.worker.want(None)
            assert await bench.told("FailedKillPod") == "cannot remove the volumes of pod u1: busy"
            assert (machine.paths.pods / "u1" / "pod.json").exists()

    asyncio.run(run())
