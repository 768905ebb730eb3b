"""conmon, one a container: it holds stdio, writes the log in CRI format, records the exit code, outlives the daemon.

conmon forks and the parent ends at once; the child calls `runc create` and tells on a pipe how that went. When the
container ends it writes `<exit-dir>/<container id>` and ends too.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from hostpod.host.cgroup import CgroupError
from hostpod.host.process import CommandError, Process, readable, started
from hostpod.host.runc import ENVIRONMENT, last_words, plain_words
from hostpod.host.strays import arguments, end_process

# conmon answers when `runc create` has ended.
DEADLINE_S = 120.0
MESSAGE_LIMIT_BYTES = 64 * 1024
# A process that cannot be moved because it is just ending has ended a moment later.
ENDING_S = 0.25

OOM_FILE = "oom"
RUNTIME_LOG = "runtime.log"

# What runc says when the container's own program or working directory is at fault, and not the host.
_PROGRAM_AT_FAULT = ("exec: ", "chdir to cwd ", "mkdir /")


class ConmonError(Exception):
    """A container could not be created; the message has runc's or conmon's own words and can be shown as it is."""


class ContainerRefusedError(ConmonError):
    """runc made the container but its program cannot run: not found, not executable, no such working directory."""


class Conmon:
    """Creates containers under a monitor each."""

    def __init__(
        self,
        *,
        binary: str | Path,
        runc: str | Path,
        runc_root: Path,
        exit_dir: Path,
        socket_dir: Path,
    ) -> None:
        self.binary = binary
        self.runc = runc
        self.runc_root = runc_root
        self.exit_dir = exit_dir
        self.socket_dir = socket_dir

    async def create(
        self,
        cid: str,
        *,
        bundle: Path,
        log_path: Path,
        pid_file: Path,
        conmon_pid_file: Path,
        name: str,
        place: Callable[[int], Awaitable[None]] | None = None,
        systemd_cgroup: bool = False,
        journal: bool = False,
        stdin: bool = False,
        stdin_once: bool = False,
        tty: bool = False,
    ) -> int:
        """`runc create` under a new conmon; returns the container's pid. Its process waits for `runc start`.

        `place` is given conmon's pid before it does anything, and may move it to a cgroup of its own. With
        `systemd_cgroup` runc has systemd make the container's cgroup. With `journal` conmon writes each line to
        journald as well, as CONTAINER_NAME=`name`.

        Without `stdin` the container reads /dev/null. With it conmon holds a pipe (or, with `tty`, the terminal) open
        for those who attach, or with `stdin_once` until one who attached has gone.

        Raises ContainerRefusedError when the container's program is at fault and ConmonError for anything else. When
        the caller is cancelled conmon is killed, and runc with it; what runc made until then is deleted by the caller.
        """
        argv = self._argv(cid=cid, bundle=bundle, log_path=log_path, pid_file=pid_file, name=name)
        argv += ["--conmon-pidfile", str(conmon_pid_file)]
        argv += ["--systemd-cgroup"] if systemd_cgroup else []  # handed on to runc
        argv += ["--log-path", "journald:"] if journal else []
        argv += ["--stdin", *([] if stdin_once else ["--leave-stdin-open"])] if stdin else []
        argv += ["--terminal"] if tty else []
        self._make_room(conmon_pid_file)
        try:
            return _pid(await _first_message(argv, bundle, place), bundle)
        except BaseException as error:
            _kill_monitor(conmon_pid_file)
            self.forget(cid)  # conmon leaves its attach link when runc fails
            if isinstance(error, CommandError):
                raise ConmonError(f"cannot create the container: {error}") from error
            raise

    def _argv(self, *, cid: str, bundle: Path, log_path: Path, pid_file: Path, name: str) -> list[str]:
        # conmon takes the log path apart at colons, and an absolute path of the runtime only.
        if ":" in str(log_path):
            raise ConmonError(f"cannot log to {log_path}: conmon takes no colon in a log's path")
        runc = shutil.which(str(self.runc))
        if runc is None:
            raise ConmonError(f"cannot run {self.runc}: no such program; install it or set its path")
        argv = [str(self.binary), "--api-version", "1", "--cid", cid, "--cuuid", cid, "--name", name]
        argv += ["--runtime", runc, "--bundle", str(bundle)]
        for argument in ("--root", str(self.runc_root), "--log", str(bundle / RUNTIME_LOG), "--log-format", "json"):
            argv += ["--runtime-arg", argument]
        argv += ["--container-pidfile", str(pid_file), "--log-path", f"k8s-file:{log_path}", "--no-sync-log"]
        return [*argv, "--exit-dir", str(self.exit_dir), "--socket-dir-path", str(self.socket_dir)]

    def _make_room(self, conmon_pid_file: Path) -> None:
        """conmon makes no directory; and a pid file of an earlier try would name the wrong process."""
        for directory in (self.exit_dir, self.socket_dir):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        conmon_pid_file.unlink(missing_ok=True)

    async def dismiss(self, cid: str, conmon_pid_file: Path) -> None:
        """End the monitor of a container that is given up, so that it writes nothing later. One that has ended is fine,
        and a process that got its number is left alone."""
        pid = monitor_pid(conmon_pid_file)
        argv = arguments(pid) if pid else []
        if pid and cid in argv:
            await end_process(pid, argv)

    def exit_code(self, cid: str) -> int | None:
        """What conmon recorded at the container's end (128 + n for signal n); None while it has not."""
        try:
            return int((self.exit_dir / cid).read_text())
        except (FileNotFoundError, ValueError):
            return None

    def forget(self, cid: str) -> None:
        """Remove what conmon leaves outside the bundle: the exit file, and after its violent end the attach link."""
        (self.exit_dir / cid).unlink(missing_ok=True)
        (self.socket_dir / cid).unlink(missing_ok=True)


def was_oom_killed(bundle: Path) -> bool:
    """Whether conmon saw the kernel kill for memory in this container (it leaves a file in its working directory)."""
    return (bundle / OOM_FILE).exists()


async def _first_message(argv: list[str], bundle: Path, place: Callable[[int], Awaitable[None]] | None) -> str:
    """Start conmon and wait for the line it writes to its pipe; empty when it ended without one."""
    receive, send = os.pipe()
    errors = os.memfd_create("stderr")
    gate = _Gate() if place else None
    try:
        environment = {**ENVIRONMENT, "_OCI_SYNCPIPE": str(send), **(gate.environment if gate else {})}
        pass_fds = (send, gate.outside) if gate else (send,)
        async with asyncio.timeout(DEADLINE_S):
            # The working directory is where conmon puts the `oom` file.
            async with started(argv, env=environment, cwd=bundle, stderr=errors, pass_fds=pass_fds) as process:
                os.close(send)
                send = -1
                if place and gate:
                    await _placed(place, process)
                    gate.open()
                message = await _line(receive)
                exit_code = await process.wait()
        words = os.pread(errors, MESSAGE_LIMIT_BYTES, 0).decode(errors="replace")
    except TimeoutError as error:
        raise ConmonError(f"cannot create the container: runc did not end within {DEADLINE_S:g} s") from error
    finally:
        if gate:
            gate.close()
        for descriptor in (receive, send, errors):
            if descriptor >= 0:
                os.close(descriptor)
    if not message and exit_code != 0:
        raise ConmonError(f"cannot create the container: conmon: {plain_words(words) or f'exit code {exit_code}'}")
    return message


async def _placed(place: Callable[[int], Awaitable[None]], process: Process) -> None:
    """Have conmon put in its place. One that has ended (its log cannot be opened, say) can be put nowhere: then its own
    words are the reason, and not what is said of a process that is gone."""
    try:
        await place(process.pid)
    except CgroupError:
        if not await process.ends_within(ENDING_S):
            raise


class _Gate:
    """Holds conmon at its start: it reads a byte from the pipe that it is told of before it forks."""

    def __init__(self) -> None:
        self.outside, self._inside = os.pipe()

    @property
    def environment(self) -> dict[str, str]:
        return {"_OCI_STARTPIPE": str(self.outside)}

    def open(self) -> None:
        os.write(self._inside, b"\0")

    def close(self) -> None:
        os.close(self.outside)
        os.close(self._inside)


async def _line(descriptor: int) -> str:
    os.set_blocking(descriptor, False)
    received = b""
    while not received.endswith(b"\n") and len(received) < MESSAGE_LIMIT_BYTES:
        await readable(descriptor)
        part = os.read(descriptor, 8192)
        if not part:
            break
        received += part
    return received.decode(errors="replace")


def _pid(message: str, bundle: Path) -> int:
    """The pid in conmon's message, or the error that it carries."""
    try:
        value = json.loads(message) if message else {}
    except ValueError:
        value = {"message": message}
    pid = value.get("data", value.get("pid", -1))
    if isinstance(pid, int) and pid > 0:
        return pid
    words = last_words(bundle / RUNTIME_LOG) or plain_words(str(value.get("message", "")))
    if words.startswith(_PROGRAM_AT_FAULT):
        raise ContainerRefusedError(words)
    raise ConmonError(f"cannot create the container: {words or 'conmon ended without a word'}")


def _kill_monitor(conmon_pid_file: Path) -> None:
    """End a conmon that nobody waits for any more; its `runc create` is killed with it (PDEATHSIG)."""
    if pid := monitor_pid(conmon_pid_file):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def monitor_pid(pid_file: Path) -> int | None:
    """What conmon wrote down as its process, None where it did not."""
    try:
        return int(pid_file.read_text())
    except (OSError, ValueError):
        return None
