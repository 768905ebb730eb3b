"""Settings of images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hostpod.config.kinds import LIVE, AbsolutePath, Seconds, Section


class ImagesConfig(Section):
    """Images: fetching and storage."""

    layers: Literal["auto", "squashfs", "directory"] = Field(
        "auto",
        description="Form of a layer: squashfs files, directories, or squashfs where loop devices exist.",
    )
    max_parallel_pulls: int = Field(4, ge=1, le=64, description="Images fetched at once.", json_schema_extra=LIVE)
    max_parallel_layers: int = Field(2, ge=1, le=64, description="Layers built at once.", json_schema_extra=LIVE)
    pull_deadline_s: Seconds = Field(
        900.0,
        ge=1,
        le=86400,
        alias="pullDeadline",
        description="Longest pull of one image.",
        json_schema_extra=LIVE,
    )
    registries_conf: AbsolutePath | None = Field(None, description="registries.conf for skopeo; unset: the host's own.")
    auth_file: AbsolutePath | None = Field(None, description="Registry credentials; unset: skopeo's own search.")
    policy: AbsolutePath | None = Field(None, description="Signature policy.json; unset: the host's own.")
