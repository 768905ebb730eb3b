"""runc, the OCI runtime: one command a verb. Each costs 5 to 20 ms of CPU, so nothing is asked twice."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal as signals
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hostpod.host.clock import now
from hostpod.host.pids import open_pidfd, start_ticks
from hostpod.host.process import CommandError, CommandFailedError, Completed, readable, run, started

Status = Literal["creating", "created", "running", "paused", "stopped"]

# runc on a loaded machine takes tens of milliseconds; what takes this long hangs.
DEADLINE_S = 60.0

# Where a created container waits, and how long it may take to notice that it may go on.
FIFO = "exec.fifo"
RELEASE_DEADLINE_S = 2.0

# All that runc and conmon need to find; the daemon's own environment is nobody's business.
# One thread is enough for a program that lives for milliseconds: on a busy machine it takes less CPU so.
ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "GOMAXPROCS": "1",
}

# Of a scope that systemd refused: what systemd said comes after it.
_UNIT_PROPERTIES = re.compile(r" \(properties \[.*\]\)")
_AROUND = (
    "exec failed: ",
    "runc run failed: ",
    "runc create failed: ",
    "unable to start container process: ",
    "error during container init: ",
)


class RuncError(Exception):
    """runc refused; the message has runc's own words and can be shown as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RuncState:
    """What `runc state` tells. `pid` is 0 once the container has stopped."""

    id: str
    status: Status
    pid: int
    bundle: Path


class Runc:
    """The containers below one `--root`, which belongs to this daemon alone."""

    def __init__(self, *, binary: str | Path, root: Path) -> None:
        self.binary = binary
        self.root = root

    async def run_detached(self, cid: str, bundle: Path, *, pid_file: Path, systemd_cgroup: bool = False) -> None:
        """Create and start in one call a container that nobody listens to: its stdio is /dev/null."""
        log = bundle / "runtime.log"
        argv = [str(self.binary), "--root", str(self.root), "--log", str(log), "--log-format", "json"]
        argv += ["--systemd-cgroup"] if systemd_cgroup else []
        argv += ["run", "--detach", "--bundle", str(bundle), "--pid-file", str(pid_file), cid]
        try:
            async with asyncio.timeout(DEADLINE_S), started(argv, env=ENVIRONMENT) as process:
                exit_code = await process.wait()
        except TimeoutError as error:
            raise RuncError(f"cannot run {cid}: runc did not end within {DEADLINE_S:g} s") from error
        except CommandError as error:
            raise RuncError(f"cannot run {cid}: {error}") from error
        if exit_code != 0:
            raise RuncError(f"cannot run {cid}: {last_words(log) or f'runc ended with exit code {exit_code}'}")

    def note_created(self, cid: str) -> None:
        """Set the time of a new container's FIFO to 0, so that `released_at` can tell the moment of its start."""
        os.utime(self.root / cid / FIFO, (0, 0))

    def released_at(self, cid: str) -> float | None:
        """When a created container was let run (wall seconds); None while it waits, and if it ended before.

        The byte that it writes to its FIFO sets the FIFO's time, even when the reader did not live to read it. Who read
        it removed the FIFO. `note_created` comes first.
        """
        try:
            return (self.root / cid / FIFO).stat().st_mtime or None
        except FileNotFoundError:
            return now()

    async def start(self, cid: str) -> None:
        """Let a created container's process run; returns when it does.

        A created container waits in its state directory at a FIFO for a reader. Reading it is all that `runc start`
        does (without hooks), at the cost of a process that takes 6 ms of CPU; runc is asked where that does not work.
        """
        if not await _released(self.root / cid / FIFO):
            await self._call(f"cannot start {cid}", "start", cid)

    async def kill(self, cid: str, signal: int = signals.SIGTERM, *, everything: bool = False) -> None:
        """Send a signal to the first process, or to every process of the container."""
        await self._call(f"cannot signal {cid}", "kill", *(["--all"] if everything else []), cid, str(int(signal)))

    async def update(self, cid: str, resources: Path) -> None:
        """Set weight and limits of a running container. `resources` is a file with linux.resources of a config.json."""
        await self._call(f"cannot update {cid}", "update", "--resources", str(resources), cid)

    async def delete(self, cid: str, *, force: bool = False) -> None:
        """Free what runc holds for a stopped container (or, by force, a running one); nothing when there is none."""
        if not (self.root / cid).exists():
            return
        if force:
            await self._end(cid)
        await self._call(f"cannot delete {cid}", "delete", *(["--force"] if force else []), cid)

    async def _end(self, cid: str) -> None:
        """Kill the first process and wait until it is gone: runc itself looks for that once in 100 ms.

        Where its pid cannot be told from runc's state file, killing is left to `runc delete --force`.
        """
        match _json(self.root / cid / "state.json"):
            case {"init_process_pid": int(pid), "init_process_start": int(started)}:
                try:
                    pidfd = open_pidfd(pid)
                except ProcessLookupError:
                    return
            case _:
                return
        try:
            if start_ticks(pid) == started:
                signals.pidfd_send_signal(pidfd, signals.SIGKILL)
                async with asyncio.timeout(DEADLINE_S):
                    await readable(pidfd)
        except (ProcessLookupError, TimeoutError):
            return  # gone already, or stuck in the kernel: runc says so in its own words
        finally:
            os.close(pidfd)

    async def state(self, cid: str) -> RuncState | None:
        """The state of a container; None when runc knows none of this id."""
        if not (self.root / cid).exists():
            return None
        try:
            completed = await self._call(f"cannot read the state of {cid}", "state", cid)
        except RuncError as error:
            if "does not exist" in str(error):
                return None
            raise
        value = json.loads(completed.stdout)
        return RuncState(id=value["id"], status=value["status"], pid=value["pid"], bundle=Path(value["bundle"]))

    def list_ids(self) -> tuple[str, ...]:
        """Every container below the root, half-made ones too."""
        try:
            return tuple(sorted(path.name for path in self.root.iterdir() if path.is_dir()))
        except FileNotFoundError:
            return ()

    def exec_argv(
        self,
        cid: str,
        *,
        argv: Sequence[str],
        tty: bool = False,
        env: Sequence[str] = (),
        cwd: str | None = None,
        user: str | None = None,
        log: Path | None = None,
    ) -> list[str]:
        """The command that runs `argv` inside a container; its stdio is the caller's, its exit code the command's.

        `log` takes why runc could not run it, see `last_words`.
        """
        command = [shutil.which(str(self.binary)) or str(self.binary), "--root", str(self.root)]
        command += ["--log", str(log), "--log-format", "json"] if log else []
        command += ["exec"]
        command += ["--tty"] if tty else []
        for variable in env:
            command += ["--env", variable]
        command += ["--cwd", cwd] if cwd else []
        command += ["--user", user] if user else []
        return [*command, "--", cid, *argv]

    async def version(self) -> str:
        """`1.1.5+ds1`, say."""
        completed = await self._call("cannot ask runc for its version", "--version")
        first_line = completed.stdout.decode(errors="replace").partition("\n")[0]
        return first_line.removeprefix("runc version ").strip()

    async def _call(self, what: str, *arguments: str) -> Completed:
        try:
            return await run(
                [str(self.binary), "--root", str(self.root), *arguments], timeout_s=DEADLINE_S, env=ENVIRONMENT
            )
        except CommandFailedError as error:
            raise RuncError(f"{what}: {plain_words(error.completed.stderr.decode(errors='replace'))}") from error
        except CommandError as error:
            raise RuncError(f"{what}: {error}") from error


async def _released(fifo: Path) -> bool:
    """Read the FIFO to its end: a byte, and then nothing because the writer became the container's program.

    False when there is no FIFO, or nobody writes to it.
    """
    try:
        descriptor = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    received = b""
    try:
        async with asyncio.timeout(RELEASE_DEADLINE_S):
            await readable(descriptor)
            while part := os.read(descriptor, 16):
                received += part
                await readable(descriptor)
    except (TimeoutError, BlockingIOError):
        pass
    finally:
        os.close(descriptor)
    return bool(received) and _note_started(fifo)


def _note_started(fifo: Path) -> bool:
    """By its FIFO runc tells a created container from a running one."""
    fifo.unlink(missing_ok=True)
    return True


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def last_words(log: Path) -> str:
    """The last error in a `--log-format json` log; empty when there is none."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    for line in reversed(lines):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("level") in ("error", "fatal"):
            return plain_words(str(entry.get("msg", "")))
    return ""


def plain_words(text: str) -> str:
    """runc's message without what it says around it.

    `time="…" level=error msg="runc run failed: unable to start container process: exec: \\"x\\": …"` to
    `exec: "x": …`.
    """
    lines = text.strip().splitlines()
    words = lines[-1] if lines else ""
    _, found, quoted = words.partition(' msg="')
    if found:
        words = quoted.removesuffix('"').replace('\\"', '"').replace("\\n", "\n").strip()
    for prefix in _AROUND:
        words = words.removeprefix(prefix)
    return _UNIT_PROPERTIES.sub("", words)
