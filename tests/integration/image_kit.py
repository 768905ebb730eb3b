"""Images for tests of the image store: of any layers, in a store of the test's own, and a look at what it holds."""

from __future__ import annotations

import asyncio
import errno
import gzip
import hashlib
import json
import os
import platform
import stat
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar

from hostpod.config import BinariesConfig, ImagesConfig
from hostpod.host.mount import mounts
from hostpod.images import ImageStore
from lab.place import patient
from lab.registry import Registry, write_policy

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
T = TypeVar("T")
MEDIA = "application/vnd.oci.image"


def zstd(content: bytes) -> bytes:
    """Compressed by the zstd program."""
    return subprocess.run(["zstd", "-q", "-c"], input=content, stdout=subprocess.PIPE, check=True).stdout


def compressed(content: bytes, way: str) -> tuple[bytes, str]:
    """The content and the suffix of its media type."""
    match way:
        case "gzip":
            return gzip.compress(content, 1, mtime=0), "+gzip"
        case "zstd":
            return zstd(content), "+zstd"
        case _:
            return content, ""


class Layout:
    """An OCI layout that images are written into, each under a tag."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._blobs = directory / "blobs/sha256"
        self._blobs.mkdir(parents=True)
        self._tagged: list[dict[str, Any]] = []
        (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def blob(self, content: bytes, media_type: str) -> dict[str, Any]:
        """Write a blob; its descriptor."""
        digest = hashlib.sha256(content).hexdigest()
        (self._blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def image(
        self,
        layers: Sequence[bytes],
        *,
        config: Mapping[str, Any] | None = None,
        compression: Sequence[str] = (),
        diff_ids: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """An image of these tar archives; the descriptor of its manifest."""
        ways = [*compression, *["gzip"] * (len(layers) - len(compression))]
        packed = [compressed(layer, way) for layer, way in zip(layers, ways, strict=True)]
        image = {
            "architecture": ARCHITECTURE,
            "os": "linux",
            "config": config or {},
            "rootfs": {
                "type": "layers",
                "diff_ids": diff_ids or [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers],
            },
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{MEDIA}.manifest.v1+json",
            "config": self.blob(json.dumps(image).encode(), f"{MEDIA}.config.v1+json"),
            "layers": [self.blob(content, f"{MEDIA}.layer.v1.tar{suffix}") for content, suffix in packed],
        }
        return self.blob(json.dumps(manifest).encode(), f"{MEDIA}.manifest.v1+json")

    def index(self, platforms: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """An index of images by OS/ARCH; its descriptor."""
        entries = [
            {**image, "platform": dict(zip(("os", "architecture"), name.split("/"), strict=True))}
            for name, image in platforms.items()
        ]
        media_type = f"{MEDIA}.index.v1+json"
        document = {"schemaVersion": 2, "mediaType": media_type, "manifests": entries}
        return self.blob(json.dumps(document).encode(), media_type)

    def tag(self, descriptor: Mapping[str, Any], name: str = "latest") -> Path:
        """Give an image or index a name in the layout; the layout's directory."""
        self._tagged = [each for each in self._tagged if each["annotations"][_NAME] != name]
        self._tagged.append({**descriptor, "annotations": {_NAME: name}})
        (self.directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": self._tagged}))
        return self.directory


_NAME = "org.opencontainers.image.ref.name"


def push(registry: Registry, layout: Path, name: str, *options: str) -> None:
    """Push the layout's image `latest` as NAME:TAG with options of skopeo copy."""
    target = f"docker://{registry.address}/{name}"
    argv = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", *options]
    subprocess.run([*argv, f"oci:{layout}:latest", target], check=True, timeout=patient(60))


class RootPlace(TypedDict):
    """Where a root is mounted, and what is below it."""

    upper: Path
    work: Path
    target: Path


class Place:
    """Directories and settings of a store; `address` is asked for docker.io's images, and for its own."""

    def __init__(self, directory: Path, address: str) -> None:
        self.directory = directory
        self.state, self.runtime = directory / "state", directory / "run"
        directory.mkdir(parents=True, exist_ok=True)
        self.registries = directory / "registries.conf"
        self.answer_from(address)
        self._policy = write_policy(directory / "policy.json")
        self._roots = 0
        self.address = address

    def answer_from(self, address: str) -> None:
        """From now on docker.io is at this address."""
        fresh = self.registries.with_suffix(".new")
        fresh.write_text(
            f'[[registry]]\nprefix = "docker.io"\nlocation = "{address}"\ninsecure = true\n'
            f'[[registry]]\nlocation = "{address}"\ninsecure = true\n'
        )
        fresh.replace(self.registries)  # a skopeo may be reading it

    def store(self, **settings: Any) -> ImageStore:
        """A store in these directories."""
        config = ImagesConfig(registries_conf=self.registries, **{"policy": self._policy, **settings})
        return ImageStore(config, BinariesConfig(), state=self.state, runtime=self.runtime)

    def run(self, work: Callable[[ImageStore], Awaitable[T]], **settings: Any) -> T:
        """What a test does with a store, in a loop of its own."""

        async def main() -> T:
            async with asyncio.timeout(patient(60)), self.store(**settings) as store:
                return await work(store)

        return asyncio.run(main())

    def root(self) -> RootPlace:
        """Fresh directories for `mount_rootfs`."""
        self._roots += 1
        above = self.directory / f"root{self._roots}"
        place = RootPlace(upper=above / "upper", work=above / "work", target=above / "target")
        for path in (place["upper"], place["work"], place["target"]):
            path.mkdir(parents=True)
        return place

    def files(self) -> set[str]:
        """The store's files, without its index, times of use and what is named by digest."""
        kept = {"index.json", "uses.json", "blobs", "layers"}
        return {
            str(path.relative_to(self.state))
            for path in self.state.rglob("*")
            if path.parts[len(self.state.parts)] not in kept
        } - {"tmp"}

    def pulls(self) -> list[Path]:
        """Directories of pulls that have begun to fetch."""
        return [path.parent for path in self.state.glob("tmp/pull-*/layout")]

    def layers(self) -> set[str]:
        """Names of the layers in the store."""
        return {path.name for path in (self.state / "layers").iterdir()}

    def mounted(self) -> list[Path]:
        """What is mounted below the store's directories."""
        return [entry.target for entry in mounts() if entry.target.is_relative_to(self.directory)]

    def loops(self) -> list[str]:
        """Loop devices over files of the store."""
        backing = Path("/sys/block").glob("loop*/loop/backing_file")
        return [path.read_text().strip() for path in backing if path.read_text().startswith(str(self.directory))]


async def until(condition: Callable[[], T]) -> T:
    """Wait until it is true; what it then says."""
    async with asyncio.timeout(patient(30)):
        while not (said := condition()):  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.002)
        return said


def tree(root: Path) -> dict[str, tuple[Any, ...]]:
    """All that can be known of each file below a directory, links not followed; inode numbers are made comparable."""
    found: dict[str, tuple[Any, ...]] = {}
    first: dict[tuple[int, int], str] = {}
    for path in sorted(Path(where) / name for where, *names in os.walk(root) for name in (*names[0], *names[1])):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue  # a whiteout in a directory that no lower layer has: overlayfs lists its name all the same
        name = str(path.relative_to(root))
        attributes = _attributes(path)
        same = first.setdefault((status.st_dev, status.st_ino), name)
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        link = str(path.readlink()) if stat.S_ISLNK(status.st_mode) else ""
        directory = stat.S_ISDIR(status.st_mode)
        times = 0 if directory else int(status.st_mtime)
        found[name] = (
            oct(status.st_mode),
            status.st_uid,
            status.st_gid,
            status.st_rdev,
            times,
            attributes,
            link,
            content,
            same if not directory else "",
        )
    return found


def _attributes(path: Path) -> dict[str, bytes]:
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno != errno.ENOTSUP:  # what squashfs says of a directory where no file has any
            raise
        return {}
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
