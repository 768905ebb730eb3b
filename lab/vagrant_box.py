"""A box for Vagrant that needs no download and no KVM: the machine of lab/machine_image.py, under plain QEMU.

What is special about it is in the Vagrantfile that lies in the box, so the project's own serves every box.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import furniture, machine_image, made, rootfs
from lab.machine_image import DISK_SIZE
from lab.place import command

NAME = "hostpod-lab"
_PARTS = ("metadata.json", "Vagrantfile", "box.img", "vmlinuz", "initrd", "key")
_NETWORKD = "[Match]\nName=en* eth*\n\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n\n[DHCPv4]\nClientIdentifier=mac\n"
_VAGRANTFILE = """\
# How Vagrant runs this box: emulated by QEMU, with the kernel beside the disk, in a network that leads nowhere.
Vagrant.configure("2") do |config|
  config.ssh.private_key_path = File.join(__dir__, "key")
  config.ssh.insert_key = false
  config.vm.boot_timeout = 600
  config.vm.provider :libvirt do |libvirt|
    libvirt.driver = "qemu"
    libvirt.machine_type = "q35"
    libvirt.cpu_mode = "custom"
    libvirt.cpu_model = "qemu64"
    libvirt.kernel = File.join(__dir__, "vmlinuz")
    libvirt.initrd = File.join(__dir__, "initrd")
    libvirt.cmd_line = "root=/dev/vda rw quiet mitigations=off nokaslr"
    libvirt.disk_driver cache: "unsafe"
    libvirt.graphics_type = "none"
    libvirt.video_type = "none"
    libvirt.management_network_mode = "none"
    libvirt.random model: "random"
  end
end
"""


@contextmanager
def box(suite: str) -> Iterator[Path]:
    """The box file of a suite; made in two minutes the first time."""
    recipe = rootfs.of_machine(suite)
    key = made.key_of(rootfs.key(recipe), furniture.key(), Path(machine_image.__file__), Path(__file__))

    def build(directory: Path) -> None:
        with rootfs.root_file_system(recipe) as root:
            machine_image.build_disk(directory, root, _furnish)
        _pack(directory)

    with made.made("boxes", suite, key, build) as directory:
        yield directory / f"{NAME}.box"


def catalogue(file: Path) -> str:
    """What `vagrant box add` is given, so that the box has a name and a version."""
    provider = {"name": "libvirt", "url": file.as_uri()}
    return json.dumps({"name": NAME, "versions": [{"version": "1.0", "providers": [provider]}]})


def _furnish(tree: Path, authorized_key: str) -> None:
    """As boxes are: a user named vagrant with a key and sudo, an address by DHCP."""
    furniture.of_machine(tree, authorized_key=authorized_key)
    (tree / "etc/systemd/network/10-uplink.network").write_text(_NETWORKD)
    (tree / "etc/sudoers.d/vagrant").write_text("vagrant ALL=(ALL) NOPASSWD: ALL\n")
    command(["chroot", tree, "useradd", "--create-home", "--shell", "/bin/bash", "vagrant"])
    command(["cp", "-a", tree / "root/.ssh", tree / "home/vagrant/.ssh"])
    command(["chroot", tree, "chown", "-R", "vagrant:", "/home/vagrant/.ssh"])


def _pack(directory: Path) -> None:
    small = ["-c", "-O", "qcow2", "-o", "compression_type=zstd"]
    command(["qemu-img", "convert", *small, directory / "disk.raw", directory / "box.img"], timeout_s=600)
    size_gb = int(DISK_SIZE.removesuffix("G"))
    metadata = {"provider": "libvirt", "format": "qcow2", "virtual_size": size_gb}
    (directory / "metadata.json").write_text(json.dumps(metadata))
    (directory / "Vagrantfile").write_text(_VAGRANTFILE)
    command(["tar", "-C", directory, "-cf", directory / f"{NAME}.box", *_PARTS], timeout_s=300)
    for name in ("disk.raw", "key.pub", *_PARTS):
        (directory / name).unlink()
