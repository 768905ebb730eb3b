"""hostpod image: all its commands together."""

from __future__ import annotations

from hostpod.cli.image_inspect import history, inspect
from hostpod.cli.image_removal import prune, rm
from hostpod.cli.images import image, images

image.add_command(images, "ls")
for _command in (rm, prune, inspect, history):
    image.add_command(_command)

__all__ = ["image"]
