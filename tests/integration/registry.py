"""A docker-registry on loopback for a test: it stands in for docker.io and ends with the `with` block."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from lab import registry as lab
from lab.images import layout


class Registry:
    """`with Registry(tmp_path) as registry: registry.push_busybox()`; all it keeps is below the directory.

    `registries_conf` makes skopeo ask it for docker.io's images, `policy` asks for no signatures.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "registry"
        self._running: lab.Registry | None = None

    def __enter__(self) -> Self:
        self._running = lab.start_registry(self._directory)
        self.registries_conf = lab.write_registries_conf(self._directory / "registries.conf", self._running)
        self.policy = lab.write_policy(self._directory / "policy.json")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def running(self) -> lab.Registry:
        assert self._running is not None, "the registry runs inside its with block only"
        return self._running

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return self.running.address

    def stop(self) -> None:
        """End it before its time; a second stop is nothing."""
        if self._running is not None:
            self._running.stop()

    def push(self, image: Path, name: str, *, media: str = "oci") -> None:
        """Push the image `latest` of an OCI layout as NAME[:TAG], as OCI or as Docker v2s2 (`media`)."""
        repository, _, tag = name.partition(":")
        self.running.push(image, repository, tag or "latest", media=media)

    def push_busybox(self, name: str = "library/busybox:latest", *, media: str = "oci") -> None:
        """Push a small image with a shell."""
        self.push(layout("busybox"), name, media=media)
