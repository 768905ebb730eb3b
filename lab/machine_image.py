"""What a virtual machine boots: a disk with a root file system of lab/rootfs.py, its kernel, and a key for ssh."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import furniture, made, rootfs
from lab.place import command

DISK_SIZE = "8G"


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """`disk` is raw ext4 without a partition table, for reading only."""

    suite: str
    key: str
    directory: Path

    @property
    def disk(self) -> Path:
        return self.directory / "disk.raw"

    @property
    def kernel(self) -> Path:
        return self.directory / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.directory / "initrd"

    @property
    def ssh_key(self) -> Path:
        return self.directory / "key"


@contextmanager
def image(suite: str) -> Iterator[Image]:
    """The image of a suite; made in two minutes the first time."""
    recipe = rootfs.of_machine(suite)
    key = made.key_of(rootfs.key(recipe), furniture.key(), Path(__file__))

    def build(directory: Path) -> None:
        with rootfs.root_file_system(recipe) as root:
            _build(directory, root)

    with made.made("images-qemu", suite, key, build) as directory:
        yield Image(suite=suite, key=key, directory=directory)


def _build(directory: Path, root: Path) -> None:
    build_disk(directory, root, lambda tree, key: furniture.of_machine(tree, authorized_key=key))


def build_disk(directory: Path, root: Path, furnish: Callable[[Path, str], None]) -> None:
    """disk.raw, vmlinuz, initrd and key with key.pub; `furnish` is given a copy of the root and the public key."""
    tree = directory / "tree"
    command(["cp", "-a", root, tree], timeout_s=300)
    command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "hostpod-lab", "-f", directory / "key"])
    furnish(tree, (directory / "key.pub").read_text())
    for name in ("vmlinuz", "initrd"):
        shutil.copyfile(next((tree / "boot").glob(f"{name}*")), directory / name)
    shutil.rmtree(tree / "boot")
    (tree / "boot").mkdir()
    make_disk(directory / "disk.raw", tree, size=DISK_SIZE)
    shutil.rmtree(tree)


def make_disk(disk: Path, tree: Path, *, size: str) -> None:
    """A raw ext4 disk with a tree's content."""
    mke2fs = ["mke2fs", "-q", "-F", "-t", "ext4", "-E", "lazy_itable_init=1,lazy_journal_init=1", "-d"]
    command([*mke2fs, tree, disk, size], timeout_s=300)
