"""User namespaces: made by a process of a moment, as the kernel lets no program with threads make one for itself.

The other namespaces of a pod are made with it and belong to it, so that the pod's root may do in them what root may.
"""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from io import FileIO
from pathlib import Path

from hostpod.host.namespaces import ALL_KINDS, Kind, NamespaceError, Namespaces, name_host, of_process
from hostpod.host.process import CommandNotFoundError, readable, started
from hostpod.host.runc import ENVIRONMENT

# What every pod has of ids, the kubelet's number: uid_t of 16 bits.
IDS = 65536

# Of util-linux and coreutils, which Debian calls essential. cat says by its echo that the namespaces are there.
_PROGRAM = "unshare"
_FLAGS = {"user": "--user", "net": "--net", "ipc": "--ipc", "uts": "--uts"}


class UserNamespaceError(NamespaceError):
    """The host makes no user namespace; the message has its own words and can be shown as it is."""

    def __init__(self, words: str) -> None:
        OSError.__init__(self, 0, f"cannot make a user namespace: {words}")


async def make_with_users(
    first_id: int, *, hostname: str | None = None, kinds: Sequence[Kind] = ALL_KINDS
) -> Namespaces:
    """A user namespace whose ids 0 to 65535 are `first_id` and on of the host, and new ones of other kinds in it.

    NamespaceError says why the host makes none; nothing is left behind then.
    """
    all_kinds: tuple[Kind, ...] = ("user", *kinds)
    async with _made(all_kinds) as pid:
        namespaces = _mapped(pid, first_id, all_kinds)
    if hostname is not None:
        name_host(namespaces.path("uts"), hostname)
    return namespaces


@asynccontextmanager
async def _made(kinds: Sequence[Kind]) -> AsyncIterator[int]:
    """The id of a process that lives in new namespaces until the block is left."""
    argv = [_PROGRAM, *(_FLAGS[kind] for kind in kinds), "cat"]
    with ExitStack() as held:
        stdin, to_it = _pipe(held)
        from_it, stdout = _pipe(held)
        complaints = held.enter_context(os.fdopen(os.memfd_create("stderr"), "w+b"))
        try:
            async with started(
                argv, stdin=stdin.fileno(), stdout=stdout.fileno(), stderr=complaints.fileno(), env=ENVIRONMENT
            ) as process:
                stdin.close()
                stdout.close()
                to_it.write(b"\n")
                await readable(from_it.fileno())
                if not from_it.read(1):
                    complaints.seek(0)
                    words = complaints.read().decode(errors="replace").strip()
                    raise UserNamespaceError(words.removeprefix(f"{_PROGRAM}: ") or "no reason is given")
                yield process.pid
        except CommandNotFoundError as error:
            raise UserNamespaceError(str(error)) from error


def _pipe(held: ExitStack) -> tuple[FileIO, FileIO]:
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    return held.enter_context(FileIO(ours, "r")), held.enter_context(FileIO(theirs, "w"))


def give_pipes(pid: int, uid: int, gid: int) -> None:
    """Let who a process will be open its stdout anew, by /dev/stdout: runc gives it away to users of its own namespace
    only, and who has ids of his own may not open what is root's. A device is left alone."""
    for number in range(3):
        try:
            held = os.open(f"/proc/{pid}/fd/{number}", os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:  # it has ended, or has none
            continue
        try:
            if stat.S_ISFIFO(os.fstat(held).st_mode):
                os.chown(f"/proc/self/fd/{held}", uid, gid)
        finally:
            os.close(held)


def open_to_the_container(pipe: int) -> None:
    """The same of a pipe that is made for a command in a container, whose user is known to runc only: anybody who can
    reach it, by /proc of a process that is his own, may open it anew."""
    os.fchmod(pipe, 0o666)


def _mapped(pid: int, first_id: int, kinds: Sequence[Kind]) -> Namespaces:
    for file in ("uid_map", "gid_map"):
        try:
            Path(f"/proc/{pid}/{file}").write_text(f"0 {first_id} {IDS}\n")
        except OSError as error:
            what = f"cannot give ids {first_id} and on to a user namespace"
            raise NamespaceError(error.errno or 0, what) from error
    namespaces = of_process(pid, kinds)
    assert namespaces is not None, "it lives as long as this holds its stdin"
    return namespaces
