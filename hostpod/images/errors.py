"""Why an image cannot be had. Each message can be shown as it is; `reason` is the kubelet's waiting reason."""

from __future__ import annotations

from typing import ClassVar


class ImageError(Exception):
    """The family of this room's errors."""

    reason: ClassVar[str] = "ErrImagePull"


class InvalidImageNameError(ImageError):
    """The text is no image reference."""

    reason = "InvalidImageName"


class ImageNeverPulledError(ImageError):
    """The image is not on this host, and the pod says that it may not be pulled."""

    reason = "ErrImageNeverPull"


class ImagePullError(ImageError):
    """The registry, the archive or this host stood in the way of a pull."""


class LayerGoneError(ImagePullError):
    """A layer that was here went during the pull, by a verification or with its image: trying again helps."""

    def __init__(self) -> None:
        super().__init__("a layer that was here was taken out during the pull")


class ImageInspectError(ImageError):
    """The image is in the store, and what the store says of it cannot be used."""

    reason = "ImageInspectError"


class ImageInUseError(ImageError):
    """The image cannot be removed: containers or volumes are made of it."""

    reason = "ImageInUse"


class LayerMountError(ImageError):
    """The image's layers cannot be mounted."""

    reason = "CreateContainerError"
