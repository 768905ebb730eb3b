"""What can go wrong with a pod's files; every message can be shown to a person as it is."""

from __future__ import annotations


class VolumeError(Exception):
    """A volume, a mount or a file of a pod cannot be made or removed."""


def reason(error: OSError) -> str:
    """Why, in the kernel's words."""
    return (error.strerror or str(error)).lower()
