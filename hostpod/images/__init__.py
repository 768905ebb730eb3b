"""Reference to blobs to layers to root file system: the image store and its mounts.

Here live references, manifests, pulls, layers and the roots made of them; not what runs in a root, nor when an image is
wanted. The pure files (references, manifest, keyring, access, tarheader, tarwalk, overlay_tar, complaints) stand beside
their edges.
"""

from hostpod.images.astray import link_astray
from hostpod.images.errors import (
    ImageError,
    ImageInspectError,
    ImageInUseError,
    ImageNeverPulledError,
    ImagePullError,
    InvalidImageNameError,
    LayerMountError,
)
from hostpod.images.image import Image, ImageConfig, Progress
from hostpod.images.keyring import PullSecret, UnusableSecretError, pull_secret
from hostpod.images.preload import Preloaded
from hostpod.images.store import ImageStore
from hostpod.images.userfiles import read_user_files
from hostpod.images.verify import Checked

__all__ = [
    "Checked",
    "Image",
    "ImageConfig",
    "ImageError",
    "ImageInUseError",
    "ImageInspectError",
    "ImageNeverPulledError",
    "ImagePullError",
    "ImageStore",
    "InvalidImageNameError",
    "LayerMountError",
    "Preloaded",
    "Progress",
    "PullSecret",
    "UnusableSecretError",
    "link_astray",
    "pull_secret",
    "read_user_files",
]
