"""An image as large as those that people run: 10 layers, 30,000 files, 300 MB, byte for byte the same each time."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lab.layout import CREATED, EPOCH
from lab.place import command

LAYERS = 10
FILES = 3_000  # of each layer
DIRECTORIES = 150
# Of programs and their data: most files are small, and a few have most of the bytes. The mean is 10 KB.
_SIZES = (300, 800, 1_500, 3_000, 5_000, 9_000, 15_000, 45_000)
_MEDIA = "application/vnd.oci.image"
_ANNOTATION = "org.opencontainers.image.ref.name"
_GZIP_LEVEL = 6


def layout(directory: Path) -> Path:
    """An OCI layout of two images: `latest`, and `changed`, whose last layer alone is another, small one."""
    if not directory.exists():
        fresh = directory.with_name(f"{directory.name}.fresh")
        shutil.rmtree(fresh, ignore_errors=True)
        _write(fresh)
        fresh.rename(directory)
    return directory


def _write(directory: Path) -> None:
    blobs = directory / "blobs/sha256"
    blobs.mkdir(parents=True)
    layers = [_layer(blobs, _archive(number, files=FILES)) for number in range(LAYERS)]
    small = _layer(blobs, _archive(LAYERS, files=10))
    tagged = [_image(blobs, layers, "latest"), _image(blobs, [*layers[:-1], small], "changed")]
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": tagged}))


def _layer(blobs: Path, archive: bytes) -> tuple[str, dict[str, Any]]:
    """Diff id and descriptor."""
    packed = gzip.compress(archive, _GZIP_LEVEL, mtime=0)
    return f"sha256:{hashlib.sha256(archive).hexdigest()}", _blob(blobs, packed, f"{_MEDIA}.layer.v1.tar+gzip")


def _image(blobs: Path, layers: Sequence[tuple[str, dict[str, Any]]], name: str) -> dict[str, Any]:
    diff_ids = [diff_id for diff_id, _ in layers]
    configuration = {
        "architecture": command(["dpkg", "--print-architecture"]).strip(),
        "os": "linux",
        "created": CREATED,
        "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    media_type = f"{_MEDIA}.manifest.v1+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": _blob(blobs, json.dumps(configuration).encode(), f"{_MEDIA}.config.v1+json"),
        "layers": [descriptor for _, descriptor in layers],
    }
    return {**_blob(blobs, json.dumps(manifest).encode(), media_type), "annotations": {_ANNOTATION: name}}


def _blob(blobs: Path, content: bytes, media_type: str) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def _archive(number: int, *, files: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in _members(random.Random(number), number, files):
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _members(chance: random.Random, number: int, files: int) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    top = f"usr/lib/part{number}"
    directories = [f"{top}/d{each}" for each in range(DIRECTORIES if files == FILES else 1)]
    for name in ("usr", "usr/lib", top, *directories):
        yield _info(name, tarfile.DIRTYPE, 0), b""
    noise, words = chance.randbytes(1 << 20), _words(chance)
    for each in range(files):
        size = chance.choice(_SIZES)
        source = noise if chance.random() < 0.4 else words
        start = chance.randrange(len(source) - size)
        yield _info(f"{chance.choice(directories)}/file{each}", tarfile.REGTYPE, size), source[start : start + size]


def _words(chance: random.Random) -> bytes:
    """Text that packs to a third or so."""
    known = [chance.randbytes(chance.randrange(2, 9)).hex().encode() for _ in range(3_000)]
    return b" ".join(chance.choices(known, k=100_000))


def _info(name: str, kind: bytes, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mtime = kind, size, EPOCH
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    return info
