"""Settings of images."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hostpod.config import names
from hostpod.config.amounts import Amount
from hostpod.config.kinds import LIVE, AbsolutePath, Seconds, Section
from hostpod.kube.quantity import Quantity


class ImagesConfig(Section):
    """Images: fetching and storage."""

    layers: Literal["auto", "squashfs", "directory"] = Field(
        "auto",
        description="Form of a layer: squashfs files, directories, or squashfs where loop devices exist.",
    )
    max_parallel_pulls: int = Field(4, ge=1, le=64, description="Images fetched at once.", json_schema_extra=LIVE)
    max_parallel_layers: int = Field(2, ge=1, le=64, description="Layers built at once.", json_schema_extra=LIVE)
    max_layer_size: Amount = Field(
        Quantity.parse("64Gi"), description="Largest layer, unpacked and with the holes of its files."
    )
    max_layer_files: int = Field(1_000_000, ge=1, le=100_000_000, description="Most files and directories of a layer.")
    pull_deadline_s: Seconds = Field(
        900.0,
        ge=1,
        le=86400,
        alias="pullDeadline",
        description="Longest pull of one image.",
        json_schema_extra=LIVE,
    )
    preload: AbsolutePath | None = Field(
        None,
        description="Archives and OCI layouts in this directory are loaded, for machines that are never online "
        "(docs/images.md). Unset: preload in directories.state.",
    )
    registries_conf: AbsolutePath | None = Field(None, description="registries.conf for skopeo; unset: the host's own.")
    auth_file: AbsolutePath | None = Field(
        None,
        description="Registry credentials of the host (docs/images.md); unset: /etc/hostpod/auth.json where it is "
        "there. What it does not open is tried with skopeo's own search (/root/.docker/config.json and others).",
    )
    pull_credentials_verification: Literal[
        "NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages", "AlwaysVerify"
    ] = Field(
        "NeverVerifyPreloadedImages",
        description="Which images that are here a pod gets without showing that its registry gives them to it "
        "(docs/images.md); the kubelet's imagePullCredentialsVerificationPolicy.",
        json_schema_extra=LIVE,
    )
    preloaded_images_verification_allowlist: tuple[Annotated[str, AfterValidator(names.image_pattern)], ...] = Field(
        (),
        description="Images of NeverVerifyAllowlistedImages: repositories without tag and digest, or with /* at the "
        "end all below.",
        json_schema_extra=LIVE,
    )
    policy: AbsolutePath | None = Field(None, description="Signature policy.json; unset: the host's own.")
    gc_high_threshold_percent: int = Field(
        85,
        ge=0,
        le=100,
        description="Above so much of the file system of images in use, unused images are removed (docs/images.md); "
        "100: never.",
        json_schema_extra=LIVE,
    )
    gc_low_threshold_percent: int = Field(
        80,
        ge=0,
        le=100,
        description="Down to so much they are removed; it must be less than gcHighThresholdPercent.",
        json_schema_extra=LIVE,
    )
    minimum_gc_age_s: Seconds = Field(
        120.0,
        ge=0,
        le=86400,
        alias="minimumGCAge",
        description="No image is removed so soon after it came.",
        json_schema_extra=LIVE,
    )
    maximum_gc_age_s: Seconds = Field(
        0.0,
        ge=0,
        le=315360000,
        alias="maximumGCAge",
        description="An image that was not used for so long is removed however much room there is; 0: none is.",
        json_schema_extra=LIVE,
    )
    pinned: tuple[str, ...] = Field(
        (),
        description="Images that are never removed but by hand: names in which * stands for anything, as "
        "docker.io/library/busybox:1.36, quay.io/team/* or busybox; [*] keeps all.",
        json_schema_extra=LIVE,
    )

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        needed = "NeverVerifyAllowlistedImages"
        if self.preloaded_images_verification_allowlist and self.pull_credentials_verification != needed:
            raise ValueError(
                f"preloadedImagesVerificationAllowlist is of no use without pullCredentialsVerification: {needed}"
            )
        if self.gc_low_threshold_percent >= self.gc_high_threshold_percent:
            raise ValueError(
                f"gcLowThresholdPercent ({self.gc_low_threshold_percent}) must be less than gcHighThresholdPercent "
                f"({self.gc_high_threshold_percent}): set both"
            )
        if 0 < self.maximum_gc_age_s <= self.minimum_gc_age_s:
            raise ValueError(
                f"maximumGCAge ({self.maximum_gc_age_s:g}s) must be more than minimumGCAge "
                f"({self.minimum_gc_age_s:g}s), or 0: no image is removed for its age then"
            )
        return self
