"""The manifests that `plan` sends to the daemon, as they are; what they mean is the daemon's business."""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hostpod.cli.failure import Failure
from hostpod.sources.files import is_manifest
from hostpod.sources.reading import Absent, Content, Unreadable, read_manifest

STDIN = Path("-")

# The daemon takes 8 MiB, in which contents are a third larger.
MOST_BYTES = 5 * 1024 * 1024
_ANY_BYTES = 1 << 30


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenFile:
    """A file as it was given. Without a name the daemon finds one; `refused` says why it cannot be read."""

    path: str
    name: str | None = None
    content: bytes = field(default=b"", repr=False)
    refused: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As POST /plan takes it."""
        if self.refused is not None:
            return {"name": self.name, "refused": self.refused}
        return {"name": self.name, "content": b64encode(self.content).decode()}


def manifests_in(directory: Path) -> list[Path]:
    """The files of a directory that the daemon would read, by name. Raises OSError."""
    return sorted(each for each in directory.iterdir() if is_manifest(each.name) and not each.is_dir())


def given_files(paths: Sequence[Path]) -> list[GivenFile]:
    """All files of these paths. Raises Failure."""
    found: list[GivenFile] = []
    for path in paths:
        try:
            found += _given(path)
        except OSError as error:
            raise Failure(f"cannot read {path}: {error.strerror or error}") from error
    size_bytes = sum(len(each.content) for each in found)
    if size_bytes > MOST_BYTES:
        raise Failure(f"these are {size_bytes} bytes, and a plan is made of at most {MOST_BYTES}: name fewer files")
    return found


def _given(path: Path) -> list[GivenFile]:
    if path == STDIN:
        return [GivenFile(path="<stdin>", content=sys.stdin.buffer.read(MOST_BYTES + 1))]
    if path.is_fifo():  # the shell's <(command)
        with path.open("rb") as stream:
            return [GivenFile(path=str(path), content=stream.read(MOST_BYTES + 1))]
    if path.is_dir():
        return [found for each in manifests_in(path) if (found := _read(each)) is not None]
    found = _read(path)
    if found is None:
        raise Failure(f"cannot read {path}: No such file or directory")
    if not is_manifest(path.name):
        raise Failure(f"{path.name} is no name that is read among manifests (NAME.yaml): try hostpod plan - <{path}")
    return [found]


def _read(path: Path) -> GivenFile | None:
    match read_manifest(path, max_bytes=_ANY_BYTES, closed=True, patient=False):
        case Content(data=data):
            return GivenFile(path=str(path), name=path.name, content=data)
        case Unreadable(reason=reason):
            return GivenFile(path=str(path), name=path.name, refused=reason)
        case Absent():
            return None
        case _:
            return GivenFile(path=str(path), name=path.name, refused="is being written: try again")
