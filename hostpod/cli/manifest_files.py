"""The manifests that `validate` is asked to look at, read as the daemon reads them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hostpod.cli.proposed_files import STDIN, manifests_in
from hostpod.manifest import Parsed, PodSecurity, Problem, parse_manifest
from hostpod.sources.book import problem_of
from hostpod.sources.encrypted import DecryptionError, decrypted, parse_file
from hostpod.sources.files import is_encrypted
from hostpod.sources.reading import Absent, Content, Unreadable, read_manifest


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowed:
    """What the daemon would take: files up to a size, and pods that keep the standards of where they are."""

    max_bytes: int
    security: Callable[[Path | None], PodSecurity]
    """Of a file; None is one that lies nowhere."""


def parsed_files(path: Path, allowed: Allowed) -> Mapping[str, Parsed]:
    """What a file, the manifests of a directory, or standard input say, by the names that problems show.

    Raises OSError where a directory cannot be listed.
    """
    if path == STDIN:
        return {"<stdin>": _streamed(sys.stdin.buffer, "<stdin>", allowed)}
    if path.is_fifo():  # the shell's <(command)
        with path.open("rb") as stream:
            return {str(path): _streamed(stream, str(path), allowed)}
    if path.is_dir():
        return {str(file): _parsed(file, allowed) for file in manifests_in(path)}
    return {str(path): _parsed(path, allowed)}


def _parsed(file: Path, allowed: Allowed) -> Parsed:
    match read_manifest(file, max_bytes=allowed.max_bytes, closed=True, patient=False):
        case Content(data=data):
            return _read_all(data, file, allowed)
        case Unreadable(reason=reason):
            return _refused([problem_of(str(file), reason)])
        case Absent():
            return _refused([problem_of(str(file), "cannot be read: no such file or directory")])
        case _:
            return _refused([problem_of(str(file), "is being written: try again")])


def _read_all(data: bytes, file: Path, allowed: Allowed) -> Parsed:
    try:
        content = asyncio.run(decrypted(data, file.name)) if is_encrypted(file.name) else data
    except DecryptionError as error:
        return _refused([problem_of(str(file), str(error))])
    return parse_file(content, file=str(file), security=allowed.security(file))


def _streamed(stream: IO[bytes], name: str, allowed: Allowed) -> Parsed:
    data = stream.read(allowed.max_bytes + 1)
    if len(data) > allowed.max_bytes:
        return _refused([problem_of(name, f"is more than {allowed.max_bytes} bytes (setting manifests.maxBytes)")])
    if not data:
        return _refused([problem_of(name, "is empty: write a pod")])
    return parse_manifest(data, file=name, security=allowed.security(None))


def _refused(problems: Iterable[Problem]) -> Parsed:
    return Parsed(pods=(), problems=tuple(problems))
