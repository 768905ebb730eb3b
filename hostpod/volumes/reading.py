"""A file in a volume, read for its pod: a container may have put anything in its place."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hostpod.host.openat2 import FileDescriptor
from hostpod.volumes.beneath import open_beneath
from hostpod.volumes.errors import VolumeError, reason

LARGEST_BYTES = 1024 * 1024


def read_text_in(volume: Path, path: str) -> str | None:
    """The text of a regular file that no link leads out of the volume; None where there is none.

    VolumeError for what is no text, no file, or too large to be one of variables.
    """
    root = os.open(volume, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found = open_beneath(root, path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VolumeError(f"cannot read {path}: {reason(error)}") from error
    finally:
        os.close(root)
    try:
        return _text(found, path)
    finally:
        os.close(found)


def _text(found: FileDescriptor, path: str) -> str:
    if not stat.S_ISREG(os.fstat(found).st_mode):
        raise VolumeError(f"cannot read {path}: not a file")
    with open(f"/proc/self/fd/{found}", "rb") as file:  # noqa: PTH123 - what was opened, not a path
        content = file.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise VolumeError(f"cannot read {path}: more than {LARGEST_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise VolumeError(f"cannot read {path}: no text in UTF-8") from error
