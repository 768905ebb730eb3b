"""emptyDir: a directory on disk, a tmpfs, or a file system of its own where a size is promised.

The kubelet measures an emptyDir every ten seconds and evicts the pod that has more than its sizeLimit. Here the kernel
holds the limit: what is too much meets "no space left on device", at once, and nobody has to look.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from hostpod.host.loop import mount_image
from hostpod.host.mount import MountError, MountFlag, mount
from hostpod.host.process import CommandError, run
from hostpod.volumes.errors import VolumeError
from hostpod.volumes.sizes import BLOCK_BYTES, image_bytes

# Every container of the pod may write, whoever it runs as.
_MODE = 0o777
_FORMAT_TIMEOUT_S = 60


def open_directory(directory: Path) -> None:
    """A plain directory; one that is there keeps what it has."""
    if directory.is_dir():
        return
    making = directory.with_name(f".{directory.name}.new")
    with suppress(FileExistsError):
        making.mkdir()
    making.chmod(_MODE)  # mkdir's mode is cut by the umask
    making.rename(directory)


def open_memory(directory: Path, size_bytes: int) -> None:
    """A tmpfs; one that is mounted already stays."""
    if not is_mounted(directory):
        open_directory(directory)
        mount("tmpfs", directory, "tmpfs", data=f"size={size_bytes},mode={_MODE:o}")


def open_huge_pages(directory: Path, page_bytes: int, *, size_bytes: int | None) -> None:
    """A file system of huge pages of one size; one that is mounted already stays."""
    if not is_mounted(directory):
        open_directory(directory)
        held = f",size={size_bytes}" if size_bytes is not None else ""
        mount("hugetlbfs", directory, "hugetlbfs", data=f"pagesize={page_bytes},mode={_MODE:o}{held}")


def is_mounted(directory: Path) -> bool:
    """Whether a file system of its own is mounted on the directory; false where there is none."""
    try:
        return directory.stat().st_dev != directory.parent.stat().st_dev
    except FileNotFoundError:
        return False


async def open_limited(directory: Path, size_limit: int) -> None:
    """A directory that holds `size_limit` octets of data: an ext4 in a sparse file beside it.

    Without journal: after a crash of the host the pod starts anew, and so does its emptyDir.
    """
    if is_mounted(directory):
        return
    image = directory.with_name(f".{directory.name}.ext4")
    try:
        if not image.exists():
            await _format(image, image_bytes(size_limit))
        _mount_image(image, directory)
    except (CommandError, MountError) as error:
        raise VolumeError(
            f"its sizeLimit cannot be held on this host: {error}; leave it out, or use medium: Memory"
        ) from error


def _mount_image(image: Path, directory: Path) -> None:
    open_directory(directory)
    mount_image(image, directory, "ext4", MountFlag.NO_DEV, "discard")
    directory.chmod(_MODE)
    with suppress(FileNotFoundError):
        (directory / "lost+found").rmdir()


async def _format(image: Path, size_bytes: int) -> None:
    making = image.with_suffix(".new")
    with making.open("wb") as file:
        os.truncate(file.fileno(), size_bytes)
    layout = ("-b", str(BLOCK_BYTES), "-i", "16384", "-m", "0", "-O", "^has_journal,^resize_inode")
    options = ("-E", "lazy_itable_init=1,nodiscard,root_owner=0:0")
    argv = ("mke2fs", "-q", "-F", "-t", "ext4", *layout, *options, str(making))
    await run(argv, timeout_s=_FORMAT_TIMEOUT_S, expendable=True)
    making.rename(image)
