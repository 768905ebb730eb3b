"""What images an archive holds: `docker save`, an OCI layout in a tar file, or such a layout as a directory.

skopeo reads the images. An OCI layout it would unpack by itself and follow links in; so the files of one that comes in
a tar file are copied out here, regular files of known names only.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO

from hostpod.images.errors import ImagePullError, InvalidImageNameError
from hostpod.images.in_thread import in_thread
from hostpod.images.pull import architecture
from hostpod.images.references import Reference, parse_reference
from hostpod.images.tarheader import TarError
from hostpod.images.tarindex import Place, index_tar
from hostpod.images.unpack import unpacked

_AT_ONCE_BYTES = 64 * 1024 * 1024
LIMIT_BYTES = 16 * 1024 * 1024
ACCEPTED = "give a docker-archive or an oci-archive, as docker save, podman save and skopeo copy write them"

_REF_NAME = "org.opencontainers.image.ref.name"
_FULL_NAME = "io.containerd.image.name"
_BLOB = re.compile(r"blobs/sha(?:256/[0-9a-f]{64}|512/[0-9a-f]{128})")
_LAYOUT = '{"imageLayoutVersion": "1.0.0"}'


@dataclass(frozen=True, kw_only=True, slots=True)
class Archived:
    """An image in an archive. `source` is what skopeo calls it."""

    source: str
    references: tuple[Reference, ...]


async def open_archive(archive: Path, scratch: Path) -> tuple[Archived, ...]:
    """The images of an archive, compressed or not, or of a layout's directory; they can be read while `scratch`, an
    empty directory, is there. ImagePullError where it is none, OSError where the disk is full."""
    try:
        if await asyncio.to_thread(archive.is_dir):
            return await asyncio.to_thread(_in_directory, archive, scratch)
        plain, stopped = await unpacked(archive, scratch / "plain.tar"), Event()
        return await in_thread(lambda: _in_tar(plain, scratch, stopped), stopped.set)
    except TarError as error:
        raise ImagePullError(f"{error}: {ACCEPTED}") from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise ImagePullError(f"it cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        words = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ImagePullError(f"it cannot be read: {words}") from error


def _in_directory(layout: Path, scratch: Path) -> tuple[Archived, ...]:
    index = json.loads((layout / "index.json").read_bytes()[:LIMIT_BYTES])
    return _oci(index, layout.absolute() / "blobs", scratch)


def _in_tar(path: Path, scratch: Path, stopped: Event) -> tuple[Archived, ...]:
    with path.open("rb") as file:
        files = index_tar(file)
        if "manifest.json" in files:
            return _docker(_json(file, files["manifest.json"]), _linked(path, scratch))
        if "index.json" in files:
            _copy_blobs(file, files, scratch, stopped)
            return _oci(_json(file, files["index.json"]), scratch / "blobs", scratch)
    raise ImagePullError(f"it holds no images, neither manifest.json nor index.json is in it: {ACCEPTED}")


def _json(file: BinaryIO, place: Place) -> Any:
    if place.size_bytes > LIMIT_BYTES:
        raise ValueError(f"its list of images has more than {LIMIT_BYTES} bytes")
    return json.loads(os.pread(file.fileno(), place.size_bytes, place.offset))


def _linked(archive: Path, directory: Path) -> Path:
    """A path without a colon, which skopeo takes for the path's end."""
    link = directory / "archive"
    link.symlink_to(archive.absolute())
    return link


def _docker(manifest: Sequence[Mapping[str, Any]], archive: Path) -> tuple[Archived, ...]:
    return tuple(
        Archived(source=f"docker-archive:{archive}:@{number}", references=_references(entry.get("RepoTags") or ()))
        for number, entry in enumerate(manifest)
    )


def _copy_blobs(file: BinaryIO, files: Mapping[str, Place], scratch: Path, stopped: Event) -> None:
    for path, place in files.items():
        if _BLOB.fullmatch(path):
            target = scratch / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as blob:
                _copy(file, place, blob, stopped)


def _copy(source: BinaryIO, place: Place, sink: BinaryIO, stopped: Event) -> None:
    """By the kernel: what is copied does not pass through here."""
    offset, left = place.offset, place.size_bytes
    while left and not stopped.is_set():
        sent = os.sendfile(sink.fileno(), source.fileno(), offset, min(left, _AT_ONCE_BYTES))
        if not sent:
            raise ValueError("it is cut off")
        offset, left = offset + sent, left - sent


def _oci(index: Mapping[str, Any], blobs: Path, scratch: Path) -> tuple[Archived, ...]:
    """Each image gets a layout of its own, because skopeo can choose only by names, and they need not have any."""
    names: dict[str, list[str]] = {}
    entries: dict[str, Mapping[str, Any]] = {}
    for entry in index["manifests"]:
        if _is_for_here(entry.get("platform") or {}):
            entries.setdefault(entry["digest"], entry)
            names.setdefault(entry["digest"], []).extend(_names(entry.get("annotations") or {}))
    if not entries and index["manifests"]:
        raise ImagePullError(f"it holds no image for linux/{architecture()}")
    found = []
    for number, (digest, entry) in enumerate(entries.items()):
        layout = scratch / f"image{number}"
        layout.mkdir()
        (layout / "blobs").symlink_to(blobs)
        (layout / "oci-layout").write_text(_LAYOUT)
        (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [dict(entry)]}))
        found.append(Archived(source=f"oci:{layout}", references=_references(names[digest])))
    return tuple(found)


def _is_for_here(platform: Mapping[str, Any]) -> bool:
    return not platform or (platform.get("os"), platform.get("architecture")) == ("linux", architecture())


def _names(annotations: Mapping[str, str]) -> list[str]:
    name = annotations.get(_FULL_NAME) or annotations.get(_REF_NAME)
    return [name] if name else []


def _references(names: Sequence[str]) -> tuple[Reference, ...]:
    """The names that are references; a layout may call its image anything."""
    found = []
    for name in names:
        try:
            found.append(parse_reference(name))
        except InvalidImageNameError:
            continue
    return tuple(found)
