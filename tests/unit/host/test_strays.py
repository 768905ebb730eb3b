from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from hostpod.host import strays
from hostpod.host.strays import arguments, end_process, end_strays

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Processes that only sleep, whatever their arguments say."""
    made: list[subprocess.Popen[bytes]] = []

    def begin(*argv: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", "print(flush=True); input()", *argv], stdin=-1, stdout=-1)
        made.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield begin
    for process in made:
        process.kill()
        with suppress(BrokenPipeError):
            process.communicate()


def test_what_still_changes_something_below_the_root_is_ended(start: Start, tmp_path: Path) -> None:
    root = str(tmp_path)
    pause = start("--root", root, "run", "--detach", "pause-u1")
    half = start("--runtime-arg", "--root", "--runtime-arg", root, "--cid", "c1")
    asyncio.run(end_strays(tmp_path, monitored={"c2"}))
    assert pause.wait(5) == half.wait(5) == -9


def test_many_that_hang_take_no_longer_than_one(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        start("--root", str(tmp_path), "run", f"c{number}")
    waiting: list[int] = []

    async def hangs(pid: int, _argv: Sequence[str]) -> None:
        waiting.append(pid)
        while len(waiting) % 3:  # noqa: ASYNC110 - until all three are waited for
            await asyncio.sleep(0.001)

    monkeypatch.setattr(strays, "end_process", hangs)
    asyncio.run(asyncio.wait_for(end_strays(tmp_path, monitored=()), 10))


def test_monitors_sessions_lookers_and_others_stay(start: Start, tmp_path: Path) -> None:
    root = str(tmp_path)
    stay = [
        start("--runtime-arg", "--root", "--runtime-arg", root, "--cid", "c2"),
        start("--root", root, "exec", "--", "c2", "kill", "1"),
        start("--root", root, "list"),
        start("--root", f"{root}2", "run", "c3"),
        start(root, "run"),
    ]
    asyncio.run(end_strays(tmp_path, monitored={"c2"}))
    assert [process.poll() for process in stay] == [None] * len(stay)


def test_a_process_that_got_the_number_is_left_alone(start: Start) -> None:
    process = start("later")
    asyncio.run(end_process(process.pid, ["earlier"]))
    assert process.poll() is None
    asyncio.run(end_process(process.pid, arguments(process.pid)))
    assert process.wait(5) == -9
    asyncio.run(end_process(process.pid, ["earlier"]))
