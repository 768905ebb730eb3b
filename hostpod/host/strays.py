"""Calls of runc and conmon that outlived the daemon that made them, or belong to nobody any more."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from hostpod.host.pids import open_pidfd
from hostpod.host.process import readable

# What is killed may just have brought forth another: so often it is looked again.
_ROUNDS = 5
_END_DEADLINE_S = 5.0

_MONITORED = "--cid"
_CHANGING = frozenset({"create", "delete", "kill", "run", "start"})
# It lives as long as what it runs in a container, and harms nobody.
_EXEC = "exec"


async def end_strays(runc_root: Path, *, monitored: Collection[str]) -> None:
    """End what still changes something below a runc root, and every conmon but those of the `monitored` containers.

    Call it before anything is begun on this root: the daemon that made these calls is dead.
    """
    for _ in range(_ROUNDS):
        strays = [(pid, argv) for pid, argv in _calls(str(runc_root)) if _is_stray(argv, monitored)]
        if not strays:
            return
        # Side by side: many that hang (in a disk that does not answer, say) take no longer than one.
        async with asyncio.TaskGroup() as tasks:
            for pid, argv in strays:
                tasks.create_task(end_process(pid, argv), name=f"end process {pid}")


def _is_stray(argv: Sequence[str], monitored: Collection[str]) -> bool:
    if _MONITORED in argv[:-1]:
        return argv[argv.index(_MONITORED) + 1] not in monitored
    return _EXEC not in argv and not _CHANGING.isdisjoint(argv)


def _calls(runc_root: str) -> Iterator[tuple[int, list[str]]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            argv = arguments(int(entry.name))
            if "--root" in argv and runc_root in argv:
                yield int(entry.name), argv


def arguments(pid: int) -> list[str]:
    """A process's command line; empty when it has ended."""
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).rstrip("\0").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


async def end_process(pid: int, argv: Sequence[str]) -> None:
    """SIGKILL a process, if it still is the one of this command line, and wait until it is gone."""
    with suppress(ProcessLookupError, TimeoutError):
        pidfd = open_pidfd(pid)
        try:
            if arguments(pid) == argv:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                async with asyncio.timeout(_END_DEADLINE_S):
                    await readable(pidfd)
        finally:
            os.close(pidfd)
