"""What the rest of hostpod knows of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hostpod.images.errors import InvalidImageNameError
from hostpod.images.references import image_id, parse_reference

PullPolicy = Literal["Always", "IfNotPresent", "Never"]
Phase = Literal["waiting", "resolving", "fetching", "retrying", "done"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageConfig:
    """How the image wants to be run. `entrypoint` and `cmd` are None where the image has none."""

    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    env: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = ""
    stop_signal: str | None = None
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """An image that is in the store, whole.

    `id` is the digest of its configuration, `references` are its tags (docker.io/library/nginx:latest), `layers` the
    digests of the unpacked layers, lowest first. `size_bytes` is what the layers take on disk; `created` is RFC 3339 or
    empty.
    """

    id: str
    references: tuple[str, ...]
    repo_digests: tuple[str, ...]
    layers: tuple[str, ...]
    size_bytes: int
    created: str
    config: ImageConfig

    def called(self, text: str) -> str | None:
        """How its own list of names has this one; None for its id, and for what is no name of it."""
        if image_id(text):
            return None
        try:
            name = str(parse_reference(text))
        except InvalidImageNameError:
            return None
        return name if name in (*self.references, *self.repo_digests) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a pull is. A total of 0 is not known yet; bytes count what comes from the registry, compressed."""

    reference: str
    phase: Phase
    layers_done: int = 0
    layers_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
