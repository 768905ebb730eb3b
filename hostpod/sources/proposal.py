"""Files that somebody would put among the manifests of a directory, or in place of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from hostpod.manifest import PRIVILEGED, Parsed, PodSecurity, parse_manifest
from hostpod.sources.book import problem_of
from hostpod.sources.encrypted import DecryptionError, decrypted, parse_file
from hostpod.sources.files import is_encrypted
from hostpod.sources.reading import EMPTY, too_large
from hostpod.sources.snapshot import Snapshot


class ProposalError(Exception):
    """It cannot be put so, wherever it came from; the message can be shown as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProposedFile:
    """A file as it would be. Without a name it gets that of its first pod; `refused` says why it cannot be read."""

    name: str | None
    content: bytes = field(default=b"", repr=False)
    refused: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """Files beside those of a directory, or with `whole` instead of them. `into` is the directory, None the first."""

    files: tuple[ProposedFile, ...] = ()
    whole: bool = False
    into: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What all manifests would say, and the paths that the proposed files would have, in their order."""

    snapshot: Snapshot
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What is taken from a directory: files up to a size, and pods that keep a standard."""

    max_bytes: int
    security: PodSecurity = PRIVILEGED


async def opened(file: ProposedFile) -> ProposedFile:
    """A proposed file as the daemon would read it."""
    if file.refused is not None or file.name is None or not is_encrypted(file.name):
        return file
    try:
        return replace(file, content=await decrypted(file.content, file.name))
    except DecryptionError as error:
        return replace(file, refused=str(error))


def read_proposed(files: Iterable[ProposedFile], directory: Path, limits: Limits) -> Mapping[str, Parsed]:
    """What the files say, by their names, as if they were read from the directory. Raises ProposalError."""
    found: dict[str, Parsed] = {}
    for each in files:
        name = each.name or _own_name(each.content)
        refused = each.refused or _refused(each.content, limits.max_bytes)
        path = str(directory / name)
        if name in found:
            raise ProposalError(f"two of the files would be {path}: name one of them")
        if refused is not None:
            found[name] = Parsed(pods=(), problems=(problem_of(path, refused),))
        else:
            found[name] = parse_file(each.content, file=path, security=limits.security)
    return found


def _refused(content: bytes, max_bytes: int) -> str | None:
    return too_large(len(content), max_bytes) or (None if content else EMPTY)


def _own_name(content: bytes) -> str:
    parsed = parse_manifest(content, file="")
    names = [each.pod.name for each in parsed.pods] + [each.config.metadata.name for each in parsed.configs]
    return f"{names[0] if names else 'stdin'}.yaml"
