"""What images an archive holds: `docker save`, or an OCI layout in a tar file. skopeo reads the images themselves."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostpod.images.errors import ImagePullError, InvalidImageNameError
from hostpod.images.references import Reference, parse_reference

LIMIT_BYTES = 16 * 1024 * 1024
ACCEPTED = "give a docker-archive or an oci-archive, as docker save, podman save and skopeo copy write them"

_REF_NAME = "org.opencontainers.image.ref.name"
_FULL_NAME = "io.containerd.image.name"


@dataclass(frozen=True, kw_only=True, slots=True)
class Archived:
    """An image in an archive. `selector` tells skopeo which one, behind the archive's path."""

    transport: str
    selector: str
    references: tuple[Reference, ...]


def images_in(archive: Path) -> tuple[Archived, ...]:
    """The images of an archive, compressed or not. ImagePullError where it is none."""
    try:
        with tarfile.open(archive) as tar:
            names = {name.removeprefix("./"): name for name in tar.getnames()}
            if "manifest.json" in names:
                return _docker(_json(tar, names["manifest.json"]))
            if "index.json" in names:
                return _oci(_json(tar, names["index.json"]))
    except tarfile.ReadError as error:
        raise ImagePullError(f"it is no tar file, or it is cut off: {ACCEPTED}") from error
    except (tarfile.TarError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ImagePullError(f"it cannot be read: {error}") from error
    raise ImagePullError(f"it holds no images, neither manifest.json nor index.json is in it: {ACCEPTED}")


def _json(tar: tarfile.TarFile, name: str) -> Any:
    file = tar.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is no file")
    return json.loads(file.read(LIMIT_BYTES))


def _docker(manifest: list[dict[str, Any]]) -> tuple[Archived, ...]:
    return tuple(
        Archived(
            transport="docker-archive",
            selector=f":@{number}",
            references=_references(entry.get("RepoTags") or ()),
        )
        for number, entry in enumerate(manifest)
    )


def _oci(index: dict[str, Any]) -> tuple[Archived, ...]:
    found = []
    for entry in index["manifests"]:
        annotations = entry.get("annotations") or {}
        name = annotations.get(_REF_NAME, "")
        names = [annotations[_FULL_NAME]] if annotations.get(_FULL_NAME) else [name] if name else []
        selector = f":{name}" if len(index["manifests"]) > 1 else ""
        found.append(Archived(transport="oci-archive", selector=selector, references=_references(names)))
    return tuple(found)


def _references(names: list[str] | tuple[str, ...]) -> tuple[Reference, ...]:
    """The names that are references; a layout may call its image anything."""
    found = []
    for name in names:
        try:
            found.append(parse_reference(name))
        except InvalidImageNameError:
            continue
    return tuple(found)
