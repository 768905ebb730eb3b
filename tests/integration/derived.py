"""Images like busybox's with another configuration: a USER, a STOPSIGNAL, an ENTRYPOINT of their own."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import images
from lab.registry import Registry


def push_derived(registry: Registry, name: str, **config: Any) -> str:
    """Push busybox with `config` over its image configuration (StopSignal="SIGUSR1") and return its reference."""
    with tempfile.TemporaryDirectory() as directory:
        registry.push(_with_config(Path(directory) / "layout", config), f"library/{name}")
    return f"docker.io/library/{name}"


def docker_archive(path: Path, reference: str) -> Path:
    """The busybox image as `docker save` would write it under another name."""
    layout, target = images.layout("busybox"), f"docker-archive:{path}:{reference}"
    subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", f"oci:{layout}:latest", target], check=True)
    return path


def _with_config(target: Path, config: Mapping[str, Any]) -> Path:
    shutil.copytree(images.layout("busybox"), target)
    index = json.loads((target / "index.json").read_text())
    manifest = _read(target, index["manifests"][0])
    image = _read(target, manifest["config"])
    image["config"] |= config
    manifest["config"] |= _write(target, image)
    index["manifests"][0] |= _write(target, manifest)
    (target / "index.json").write_text(json.dumps(index))
    return target


def _read(layout: Path, descriptor: Mapping[str, Any]) -> dict[str, Any]:
    path = layout / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")
    return dict(json.loads(path.read_text()))


def _write(layout: Path, value: object) -> dict[str, Any]:
    content = json.dumps(value).encode()
    digest = hashlib.sha256(content).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(content)
    return {"digest": f"sha256:{digest}", "size": len(content)}
