"""Namespaces without a process: made in a thread that ends, kept alive by bind mounts on files.

The daemon itself never leaves its own namespaces. unshare(2) and setns(2) of these kinds act on one thread only, and
the threads used here are made for one call and end with it, so no other work can ever run in a pod's namespace.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeVar

from hostpod.host.mount import unmount

Kind = Literal["net", "ipc", "uts"]
Result = TypeVar("Result")

ALL_KINDS: tuple[Kind, ...] = ("net", "ipc", "uts")
HOSTNAME_LIMIT_BYTES = 64

_CLONE_FLAGS = {"net": 0x40000000, "ipc": 0x08000000, "uts": 0x04000000}
_MS_BIND = 4096

_libc = ctypes.CDLL(None, use_errno=True)


class NamespaceError(OSError):
    """A namespace could not be made or entered; the message can be shown as it is."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(number, f"{what}: {os.strerror(number).lower()}")

    def __str__(self) -> str:
        return str(self.strerror)


def pin(
    directory: Path,
    *,
    kinds: Sequence[Kind] = ALL_KINDS,
    hostname: str | None = None,
    then: Callable[[], Result] | None = None,
) -> Result | None:
    """Make new namespaces and bind them to `directory`/net, /ipc, /uts; `directory` is made where it is missing.

    `then` runs inside them, in the same thread, and its result is returned: sockets that it opens belong to the new
    network namespace for good. When anything is refused nothing is left behind. Takes about a millisecond.
    """
    return _in_a_thread_of_its_own(lambda: _pin(directory, kinds, hostname, then))


def _pin(
    directory: Path, kinds: Sequence[Kind], hostname: str | None, then: Callable[[], Result] | None
) -> Result | None:
    unpin(directory)  # what a crash may have left must not lie below the new one
    directory.mkdir(mode=0o700, parents=True)
    flags = sum(_CLONE_FLAGS[kind] for kind in kinds)
    _check(_libc.unshare(flags), f"cannot make namespaces ({', '.join(kinds)})")
    try:
        for kind in kinds:
            _keep(kind, directory / kind)
        if hostname is not None:
            name = hostname.encode()[:HOSTNAME_LIMIT_BYTES]
            _check(_libc.sethostname(name, len(name)), f"cannot set host name {hostname}")
        return then() if then else None
    except BaseException:
        unpin(directory)
        raise


def _keep(kind: Kind, target: Path) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o400))
    source = f"/proc/thread-self/ns/{kind}".encode()
    _check(_libc.mount(source, os.fsencode(target), None, _MS_BIND, None), f"cannot keep a namespace at {target}")


def unpin(directory: Path) -> None:
    """Let go of the namespaces kept in `directory` and remove it; nothing when it does not exist."""
    try:
        kept = list(directory.iterdir())
    except FileNotFoundError:
        return
    for path in kept:
        unmount(path)
        path.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        directory.rmdir()


def pinned(directory: Path) -> tuple[Kind, ...]:
    """The kinds kept in `directory` (a file without a namespace on it, left by a crash, does not count)."""
    return tuple(kind for kind in ALL_KINDS if _is_namespace(directory / kind))


def _is_namespace(path: Path) -> bool:
    # Namespace files live on nsfs, a file system of their own; a plain file shares its directory's device.
    try:
        return path.stat().st_dev != path.parent.stat().st_dev
    except FileNotFoundError:
        return False


def inside(netns: Path, function: Callable[[], Result]) -> Result:
    """Run `function` in a thread that has joined a network namespace, and return its result."""
    return _in_a_thread_of_its_own(lambda: _joined(netns, function))


def _joined(netns: Path, function: Callable[[], Result]) -> Result:
    try:
        descriptor = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NamespaceError(error.errno or 0, f"cannot open network namespace {netns}") from error
    try:
        _check(_libc.setns(descriptor, _CLONE_FLAGS["net"]), f"cannot enter network namespace {netns}")
    finally:
        os.close(descriptor)
    return function()


def _in_a_thread_of_its_own(function: Callable[[], Result]) -> Result:
    results: list[Result] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that asked
            errors.append(error)

    thread = threading.Thread(target=body, name="namespace", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _check(result: int, what: str) -> None:
    if result != 0:
        raise NamespaceError(ctypes.get_errno(), what)
