"""Claimed storage: a directory of the host for each claim, made for the first pod that names it, and never removed.

It is ROOT/NAMESPACE/CLAIM. A pod's own place shows what is there by a bind: what removes a pod's files enters no mount,
and so never comes here. A container that was given ROOT itself (hostPath) may plant links: no link below ROOT is
followed, and what is bound is the directory that was opened.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hostpod.host.mount import bind, mounted_at
from hostpod.host.openat2 import FileDescriptor, Resolve, openat2
from hostpod.volumes.errors import VolumeError, reason
from hostpod.volumes.ownership import Group, give_to_group

# Every pod may write, whoever it runs as, as with other provisioners of local directories; and nobody else of the host,
# because the directories above are root's alone.
_MODE = 0o777
_MODE_ABOVE = 0o700

_MAKING = threading.Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A claim by its names."""

    namespace: str
    name: str

    def below(self, root: Path) -> Path:
        """Where its files are."""
        return root / self.namespace / self.name


def bind_claim(root: Path, claim: Claim, place: Path, group: Group | None) -> None:
    """Show a claim at `place`, which is made, and before that give all of it to `group`. One that is shown stays.

    Mounts of the host below it are shown too; nothing that happens at `place` reaches them.
    """
    if mounted_at(place):
        return
    with opened_claim(root, claim) as found:
        if group is not None:
            give_to_group(Path(f"/proc/self/fd/{found}"), group)
        place.mkdir(parents=True, exist_ok=True)
        bind(found, place, recursive=True, propagation="slave")


def claims_in(root: Path) -> list[Claim]:
    """Every claim that there is, in order."""
    return sorted(
        (Claim(namespace=above.name, name=each.name) for above in _directories(root) for each in _directories(above)),
        key=lambda claim: (claim.namespace, claim.name),
    )


def _directories(parent: Path) -> Iterator[Path]:
    try:
        with os.scandir(parent) as entries:
            yield from [
                parent / entry.name
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return


@contextmanager
def opened_claim(root: Path, claim: Claim) -> Iterator[FileDescriptor]:
    """The directory of a claim (O_PATH), made where it is missing. VolumeError where a link is in the way."""
    for part in (claim.namespace, claim.name):
        if part.startswith(".") or "/" in part or not part:
            raise VolumeError(f'"{part}" cannot be the name of a directory of claims')
    try:
        root.mkdir(mode=_MODE_ABOVE, parents=True, exist_ok=True)
        top = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            above = _open_or_make(top, claim.namespace, _MODE_ABOVE)
        finally:
            os.close(top)
        try:
            found = _open_or_make(above, claim.name, _MODE)
        finally:
            os.close(above)
    except OSError as error:
        raise VolumeError(f"{claim.below(root)}: {_why(error)}") from error
    try:
        yield found
    finally:
        os.close(found)


def _open_or_make(parent: FileDescriptor, name: str, mode: int) -> FileDescriptor:
    try:
        return _open(parent, name)
    except FileNotFoundError:
        # Pods may ask for one claim at the same moment: what one of them has opened must not be replaced by another.
        with _MAKING:
            _make(parent, name, mode)
        return _open(parent, name)


def _open(parent: FileDescriptor, name: str) -> FileDescriptor:
    flags = Resolve.BENEATH | Resolve.NO_SYMLINKS
    return openat2(parent, name, os.O_PATH | os.O_DIRECTORY, flags)


def _make(parent: FileDescriptor, name: str, mode: int) -> None:
    """Under another name until it has its mode, which mkdir cuts by the umask."""
    try:
        os.close(_open(parent, name))
    except FileNotFoundError:
        making = f".{name}.new"
        with suppress(FileExistsError):  # an earlier daemon came as far as this
            os.mkdir(making, mode, dir_fd=parent)
        made = _open(parent, making)
        try:
            Path(f"/proc/self/fd/{made}").chmod(mode)
        finally:
            os.close(made)
        os.rename(making, name, src_dir_fd=parent, dst_dir_fd=parent)


def _why(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "is a symbolic link, which is not followed here: mount there what it shall show (mount --bind)"
    return reason(error)
