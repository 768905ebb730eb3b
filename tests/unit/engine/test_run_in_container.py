"""Commands of probes and hooks. There is no container: the machine's runc runs them on the host."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from hostpod.engine.edges import Edges
from hostpod.engine.run_in_container import ExecAnswer, ExecRefusedError, ExecTimedOutError, run_in_container
from hostpod.host.process import CommandNotFoundError
from tests.unit.engine.machine import Machine

CID = "c" * 64


async def run(edges: Edges, *argv: str, timeout_s: float | None = 60, limit_bytes: int = 10240) -> ExecAnswer:
    paths = edges.paths.pod("u1")
    paths.container(CID).bundle.mkdir(parents=True, exist_ok=True)
    return await run_in_container(edges, paths, CID, argv, timeout_s=timeout_s, limit_bytes=limit_bytes)


def answer(machine: Machine, script: str, *, timeout_s: float | None = 60, limit_bytes: int = 10240) -> ExecAnswer:
    return asyncio.run(run(machine.edges(), "sh", "-c", script, timeout_s=timeout_s, limit_bytes=limit_bytes))


def ended(pid: int) -> bool:
    """Whether the process goes within the time that the kernel takes at most."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], 10)[0])
    finally:
        os.close(pidfd)


def test_what_it_wrote_and_how_it_ended(machine: Machine) -> None:
    assert answer(machine, "echo out; echo err >&2; exit 3") == ExecAnswer(exit_code=3, output=b"out\nerr\n")


def test_the_end_by_a_signal(machine: Machine) -> None:
    assert answer(machine, "kill -9 $$").exit_code == 137


def test_output_is_cut_and_the_command_goes_on(machine: Machine) -> None:
    assert answer(machine, "head -c 1000000 /dev/zero; exit 5", limit_bytes=10) == ExecAnswer(
        exit_code=5, output=bytes(10)
    )


def test_without_a_limit_in_time(machine: Machine) -> None:
    assert answer(machine, "echo x", timeout_s=None).output == b"x\n"


def test_a_command_has_no_input(machine: Machine) -> None:
    assert answer(machine, "cat").exit_code == 0


def test_what_goes_on_in_the_background_is_not_waited_for(machine: Machine) -> None:
    told = answer(machine, "sleep 1000 & echo $!")
    assert told.exit_code == 0
    pid = int(told.output)
    os.kill(pid, 9)
    assert ended(pid)


def test_when_its_time_is_up_all_that_it_started_is_killed(machine: Machine, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"exec > {pids}; sleep 1000 & echo $!; sh -c 'echo $$; setsid sleep 1000 & echo $!; wait' & wait"
    argv = ("sh", "-c", script)
    with pytest.raises(ExecTimedOutError, match=r'^command timed out: "sh -c .*" timed out after 2s$'):
        asyncio.run(run(machine.edges(), *argv, timeout_s=2))
    written = [int(line) for line in pids.read_text().split()]
    assert written
    assert all(ended(pid) for pid in written)


def test_when_it_is_cancelled_all_that_it_started_is_killed(machine: Machine, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    async def cancelled() -> list[int]:
        edges = machine.edges()
        script = f"sleep 1000 & sh -c 'setsid sleep 1000 & echo $!; wait' > {fifo} & wait"
        running = asyncio.create_task(run(edges, "sh", "-c", script))
        line = await asyncio.to_thread(_first_line, fifo)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return [int(line)]

    assert all(ended(pid) for pid in asyncio.run(cancelled()))


def _first_line(path: Path) -> str:
    with path.open() as file:
        return file.readline()


def test_the_words_of_runc_that_could_not_run_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    edges = machine.edges()
    message = '{"level":"error","msg":"exec failed: unable to start container process: exec: \\"x\\": no such file"}'

    def refusing(cid: str, *, argv: Sequence[str], log: Path) -> list[str]:
        return ["sh", "-c", f"echo '{message}' > {log}; echo noise >&2; exit 255"]

    monkeypatch.setattr(edges.runc, "exec_argv", refusing)
    with pytest.raises(ExecRefusedError, match=r'^exec: "x": no such file$'):
        asyncio.run(run(edges, "x"))
    assert list(edges.paths.pod("u1").container(CID).bundle.iterdir()) == []


def test_without_runc(machine: Machine) -> None:
    with pytest.raises(CommandNotFoundError):
        asyncio.run(run(machine.edges(), "/nowhere/runc"))


def test_no_descriptor_is_left(machine: Machine) -> None:
    before = len([*Path("/proc/self/fd").iterdir()])
    answer(machine, "echo x")
    with pytest.raises(CommandNotFoundError):
        asyncio.run(run(machine.edges(), "/nowhere/runc"))
    assert len([*Path("/proc/self/fd").iterdir()]) == before
