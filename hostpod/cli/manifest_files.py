"""The manifests that `validate` is asked to look at, read as the daemon reads them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO

from hostpod.cli.proposed_files import STDIN, manifests_in
from hostpod.manifest import Parsed, Problem, parse_manifest
from hostpod.sources.book import problem_of
from hostpod.sources.encrypted import DecryptionError, decrypted, parse_file
from hostpod.sources.files import is_encrypted
from hostpod.sources.reading import Absent, Content, Unreadable, read_manifest


def parsed_files(path: Path, *, max_bytes: int) -> Mapping[str, Parsed]:
    """What a file, the manifests of a directory, or standard input say, by the names that problems show.

    Raises OSError where a directory cannot be listed.
    """
    if path == STDIN:
        return {"<stdin>": _streamed(sys.stdin.buffer, "<stdin>", max_bytes)}
    if path.is_fifo():  # the shell's <(command)
        with path.open("rb") as stream:
            return {str(path): _streamed(stream, str(path), max_bytes)}
    if path.is_dir():
        return {str(file): _parsed(file, max_bytes) for file in manifests_in(path)}
    return {str(path): _parsed(path, max_bytes)}


def _parsed(file: Path, max_bytes: int) -> Parsed:
    match read_manifest(file, max_bytes=max_bytes, closed=True, patient=False):
        case Content(data=data):
            return _read_all(data, file)
        case Unreadable(reason=reason):
            return _refused([problem_of(str(file), reason)])
        case Absent():
            return _refused([problem_of(str(file), "cannot be read: no such file or directory")])
        case _:
            return _refused([problem_of(str(file), "is being written: try again")])


def _read_all(data: bytes, file: Path) -> Parsed:
    try:
        content = asyncio.run(decrypted(data, file.name)) if is_encrypted(file.name) else data
    except DecryptionError as error:
        return _refused([problem_of(str(file), str(error))])
    return parse_file(content, file=str(file))


def _streamed(stream: IO[bytes], name: str, max_bytes: int) -> Parsed:
    data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        return _refused([problem_of(name, f"is more than {max_bytes} bytes (setting manifests.maxBytes)")])
    if not data:
        return _refused([problem_of(name, "is empty: write a pod")])
    return parse_manifest(data, file=name)


def _refused(problems: Iterable[Problem]) -> Parsed:
    return Parsed(pods=(), problems=tuple(problems))
