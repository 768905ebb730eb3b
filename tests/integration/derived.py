"""Images like busybox's with another configuration: a USER, a STOPSIGNAL, an ENTRYPOINT of their own."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
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


def push_with_links(registry: Registry, name: str, links: Mapping[str, str]) -> str:
    """Push busybox with links in place of directories (dev="/srv/trap") and return its reference."""
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "layout"
        shutil.copytree(images.layout("busybox"), target)
        index, manifest, image = _parts(target)
        layer = _store(target, _archive_of_links(links))
        image["rootfs"]["diff_ids"].append(layer["digest"])
        manifest["layers"].append({"mediaType": "application/vnd.oci.image.layer.v1.tar", **layer})
        image["history"].append({"created_by": "links to somewhere else"})
        registry.push(_rewritten(target, index, manifest, image), f"library/{name}")
    return f"docker.io/library/{name}"


def _archive_of_links(links: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for link, target in links.items():
            member = tarfile.TarInfo(link)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return out.getvalue()


def docker_archive(path: Path, reference: str) -> Path:
    """The busybox image as `docker save` would write it under another name."""
    layout, target = images.layout("busybox"), f"docker-archive:{path}:{reference}"
    subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", f"oci:{layout}:latest", target], check=True)
    return path


def _with_config(target: Path, config: Mapping[str, Any]) -> Path:
    shutil.copytree(images.layout("busybox"), target)
    index, manifest, image = _parts(target)
    image["config"] |= config
    return _rewritten(target, index, manifest, image)


def _parts(layout: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The index, the manifest of its one image, and the image's configuration."""
    index = json.loads((layout / "index.json").read_text())
    manifest = _read(layout, index["manifests"][0])
    return index, manifest, _read(layout, manifest["config"])


def _rewritten(layout: Path, index: dict[str, Any], manifest: dict[str, Any], image: dict[str, Any]) -> Path:
    manifest["config"] |= _write(layout, image)
    index["manifests"][0] |= _write(layout, manifest)
    (layout / "index.json").write_text(json.dumps(index))
    return layout


def _read(layout: Path, descriptor: Mapping[str, Any]) -> dict[str, Any]:
    path = layout / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")
    return dict(json.loads(path.read_text()))


def _write(layout: Path, value: object) -> dict[str, Any]:
    return _store(layout, json.dumps(value).encode())


def _store(layout: Path, content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(content)
    return {"digest": f"sha256:{digest}", "size": len(content)}
