"""A program run from memory that nobody can write, not even root in a container that got hold of it.

runc makes such a copy of itself (or a read-only mount and a second exec) for every container, so that none can replace
the host's runc (CVE-2019-5736). It sees when it is one already, and then does not: one copy serves all containers.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MFD_EXEC = 0x10  # Linux 6.3: may be executed, whatever vm.memfd_noexec says of those that do not ask
_F_ADD_SEALS = 1033
_SEALS = 0x1 | 0x2 | 0x4 | 0x8  # against further seals, shrinking, growing, writing: just those that runc looks for
_SCRIPT = b"#!"


@contextmanager
def sealed_copy(program: str) -> Iterator[str]:
    """A path by which the copy can be executed while this process lives; `program` itself where there can be none.

    A newer version of the program is taken at the next start of the daemon.
    """
    try:
        descriptor = _sealed(Path(program).read_bytes())
    except OSError:  # a kernel that executes no memory files, or no memory for one
        descriptor = None
    if descriptor is None:
        yield program
        return
    try:
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _sealed(content: bytes) -> int | None:
    """A descriptor that can be read and executed only. None for a script, whose interpreter needs its name."""
    if content.startswith(_SCRIPT):
        return None
    writable = _memory_file()
    try:
        os.fchmod(writable, 0o555)
        view = memoryview(content)
        while view:
            view = view[os.write(writable, view) :]
        fcntl.fcntl(writable, _F_ADD_SEALS, _SEALS)
        # While a descriptor can write, the kernel does not execute.
        return os.open(f"/proc/self/fd/{writable}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(writable)


def _memory_file() -> int:
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        return os.memfd_create("runc", flags | _MFD_EXEC)
    except OSError:
        return os.memfd_create("runc", flags)
