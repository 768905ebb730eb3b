"""The root of a container whose pod has ids of its own: the image's files belong to those, and no file is copied.

Layers are shown with other ids for the moment in which the overlay is mounted: it keeps copies of these mounts.
"""

from __future__ import annotations

import errno
import secrets
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

from hostpod.host.mount import IdMap, MountError, bind, overlay, unmount

_BYTES_OF_NAME = 8  # as long as the names of layers, whose paths must fit into one mount


def mount_mapped(
    lower: Sequence[Path],
    upper: Path | None,
    work: Path | None,
    target: Path,
    *,
    source: str,
    idmap: IdMap,
    volatile: bool = False,
    label: str = "",
    plain: Collection[Path] = (),
) -> None:
    """Mount an overlay of layers, all in one directory, with the ids of a user namespace. MountError says why not.

    Those that are `plain` are shown as they are: nothing is in them, and they may be where ids cannot be changed.
    """
    with ExitStack() as shown:
        try:
            mapped = [layer if layer in plain else _show(layer, idmap, shown) for layer in lower]
            overlay(mapped, upper, work, target, source=source, volatile=volatile, label=label)
        except MountError as error:
            if error.errno == errno.EINVAL:
                raise MountError(errno.EINVAL, f"{_WHY}; {error.what}") from error
            raise


_WHY = (
    "hostUsers: false needs layers that the kernel shows with other ids, which squashfs can do since Linux 6.2 and "
    "other file systems since 5.19; set images.layers to directory and pull the image again"
)


def _show(layer: Path, idmap: IdMap, shown: ExitStack) -> Path:
    place = layer.with_name(secrets.token_hex(_BYTES_OF_NAME))
    place.mkdir()
    shown.callback(place.rmdir)
    bind(layer, place, read_only=True, idmap=idmap)
    shown.callback(unmount, place)
    return place
