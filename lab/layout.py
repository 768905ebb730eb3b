"""OCI image layouts from directory trees, byte for byte the same for the same trees."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EPOCH = 1_700_000_000  # every file's time and the image's creation
CREATED = "2023-11-14T22:13:20Z"
_MEDIA = "application/vnd.oci.image"


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """A tree of files, and what it says of itself in the image's history."""

    root: Path
    comment: str


def write_layout(directory: Path, layers: Sequence[Layer], *, config: Mapping[str, Any], architecture: str) -> None:
    """Write an OCI layout with one image, tagged `latest`. `config` is the OCI image configuration's `config`."""
    blobs = directory / "blobs/sha256"
    blobs.mkdir(parents=True)
    diff_ids, descriptors = [], []
    for layer in layers:
        archive = _archive(layer.root)
        diff_ids.append(f"sha256:{hashlib.sha256(archive).hexdigest()}")
        descriptors.append(_blob(blobs, gzip.compress(archive, 6, mtime=0), f"{_MEDIA}.layer.v1.tar+gzip"))
    image = {
        "architecture": architecture,
        "config": config,
        "created": CREATED,
        "history": [{"created": CREATED, "created_by": layer.comment} for layer in layers],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_MEDIA}.manifest.v1+json",
        "config": _blob(blobs, _json(image), f"{_MEDIA}.config.v1+json"),
        "layers": descriptors,
    }
    tagged = _blob(blobs, _json(manifest), f"{_MEDIA}.manifest.v1+json")
    tagged["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (directory / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [tagged]}))


def _archive(root: Path) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            tar.add(path, path.relative_to(root).as_posix(), recursive=False, filter=_reproducible)
    return out.getvalue()


def _reproducible(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = EPOCH
    return member


def _blob(blobs: Path, content: bytes, media_type: str) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
