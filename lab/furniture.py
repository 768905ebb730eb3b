"""What a system to test in has besides Debian's packages: a name, a network that leads nowhere, docker.io's stand-in.

The registry runs in there as a unit and listens on loopback, with the images of lab/images.py in it, which lie in
/srv/NAME as OCI layouts as well. Nothing of hostpod is there.
"""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path

from lab import images, made
from lab.debian import program
from lab.place import command
from lab.registry import registries_conf, start_registry

_PORT = 5000
_REGISTRY_UNIT = """\
[Unit]
Description=docker.io's stand-in for tests

[Service]
ExecStart=/srv/registry/docker-registry serve /srv/registry/registry.yaml
Environment=OTEL_TRACES_EXPORTER=none

[Install]
WantedBy=multi-user.target
"""
_NETWORK_UNIT = """\
[Unit]
Description=An uplink with a default route that leads nowhere
Before=network.target network-online.target
Wants=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip link set lo up
ExecStart=ip link add uplink0 type veth peer name outside0
ExecStart=ip address add 192.0.2.2/24 dev uplink0
ExecStart=ip link set outside0 up
ExecStart=ip link set uplink0 up
ExecStart=ip route add default via 192.0.2.1

[Install]
WantedBy=multi-user.target
"""
# The addresses that QEMU's own network gives to its only guest.
_NETWORKD = """\
[Match]
Name=en* eth*

[Network]
Address=10.0.2.15/24
Gateway=10.0.2.2
LinkLocalAddressing=no
"""


def of_container(root: Path, var: Path) -> None:
    """Furnish a system without hardware; `root` is laid over its root file system, `var` is its /var."""
    _unit(root, "lab-uplink.service", _NETWORK_UNIT)
    _common(root, var)


def of_machine(root: Path, *, authorized_key: str) -> None:
    """Furnish a system with a network card and ssh for root by this key; `root` is its root file system."""
    keys = root / "root/.ssh/authorized_keys"
    _write(keys, authorized_key)
    keys.parent.chmod(0o700)
    _write(root / "etc/fstab", "/dev/vda / ext4 defaults,noatime 0 0\n")
    _write(root / "etc/ssh/sshd_config.d/lab.conf", "UseDNS no\nMaxSessions 50\n")
    _write(root / "etc/systemd/journald.conf.d/lab.conf", "[Journal]\nStorage=persistent\n")
    # An emulated machine on busy processors takes minutes for what takes a second elsewhere.
    _write(root / "etc/systemd/system.conf.d/lab.conf", "[Manager]\nDefaultTimeoutStartSec=15min\n")
    _write(root / "etc/systemd/network/10-uplink.network", _NETWORKD)
    _enable(root, "systemd-networkd.service", "/lib/systemd/system/systemd-networkd.service")
    _common(root, root / "var")


def key() -> str:
    """The same for the same furniture."""
    return made.key_of(Path(__file__), *(images.layout(name).name for name in images.IMAGES))


def _common(root: Path, var: Path) -> None:
    _write(root / "etc/hostname", "lab\n")
    _write(root / "etc/hosts", "127.0.0.1 localhost lab\n::1 localhost ip6-localhost ip6-loopback\n")
    _write(root / "etc/machine-id", f"{uuid.uuid4().hex}\n")
    _write(root / "etc/resolv.conf", "nameserver 192.0.2.1\n")
    (var / "log/journal").mkdir(parents=True, exist_ok=True)
    _registry(root)


def _registry(root: Path) -> None:
    home = root / "srv/registry"
    home.mkdir(parents=True)
    shutil.copy2(program("docker-registry", package="docker-registry"), home)
    with made.made("registry", "blobs", key(), _fill) as filled:
        command(["cp", "-a", filled / "blobs", home / "blobs"])
    settings = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": "/srv/registry/blobs"}},
        "http": {"addr": f"127.0.0.1:{_PORT}"},
    }
    _write(home / "registry.yaml", json.dumps(settings))
    _write(root / "etc/containers/registries.conf", registries_conf(f"127.0.0.1:{_PORT}"))
    _unit(root, "registry.service", _REGISTRY_UNIT)
    for name in images.IMAGES:
        command(["cp", "-a", images.layout(name), root / "srv" / name])


def _fill(directory: Path) -> None:
    registry = start_registry(directory)
    try:
        for name in images.IMAGES:
            registry.push(images.layout(name), f"library/{name}")
    finally:
        registry.stop()


def _unit(root: Path, name: str, text: str) -> None:
    _write(root / "etc/systemd/system" / name, text)
    _enable(root, name, f"/etc/systemd/system/{name}")


def _enable(root: Path, name: str, target: str) -> None:
    link = root / "etc/systemd/system/multi-user.target.wants" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # a link of the root file system leads to a file of this machine
    path.write_text(text)
