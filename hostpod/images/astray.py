"""Images that would lead the runtime astray: links where directories of the container's own go."""

from __future__ import annotations

from pathlib import Path

# runc mounts onto these safely, but makes and removes files in /dev by a path of the host, and so follows a link at it
# out of the container's root (1.1.5 does: the link's target loses its ptmx). The other two it refuses itself.
OWN = ("dev", "proc", "sys")


def link_astray(rootfs: Path) -> str | None:
    """Why no container is made of this root; None where nothing is wrong. The root is fresh: nobody writes to it."""
    for name in OWN:
        if (rootfs / name).is_symlink():
            target = (rootfs / name).readlink()
            return (
                f"the image's /{name} is a link to {target} and must be a directory: it would lead out of the container"
            )
    return None
