"""Root file systems of Debian's suites, with everything that hostpod's package depends on.

So `apt install ./hostpod.deb` in a system made from one needs no network: a place to test in never reaches the
internet.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import made
from lab.place import LabError, UnreachableError, command

SUITES = ("bookworm", "trixie")
NEEDED = ("mmdebstrap",)
_BUILT_WITHIN_S = 900
_ENDS_WITH_US = ("setpriv", "--pdeathsig=KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc")

_SYSTEM = ("systemd", "systemd-sysv", "libpam-systemd", "dbus", "udev", "bash-completion", "less", "procps", "kmod")
_HOSTPOD_RUNS_WITH = (
    *("runc", "conmon", "catatonit", "skopeo", "nftables", "squashfs-tools-ng", "e2fsprogs", "isal", "zstd"),
    *("uidmap", "iproute2", "mount", "adduser", "ca-certificates", "libsystemd0", "libexpat1", "python3"),
)
_TESTS_LOOK_WITH = ("curl", "python3-systemd", "umoci")

# No console to log in at, nothing that waits for a network that is not there, no unit that fails for want of hardware.
_MASKED = ("serial-getty@ttyS0", "getty@tty1", "console-getty", "systemd-networkd-wait-online", "e2scrub_reap")
_SCRIPT = f"systemctl mask --quiet {' '.join(f'{name}.service' for name in _MASKED)}"

# A kernel that is loaded by an emulator in seconds has only the modules in its initrd that find the root.
_SMALL_INITRD = """
mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
echo MODULES=list >"$1/etc/initramfs-tools/conf.d/lab"
printf '%s\\n' virtio_pci virtio_blk virtio_net ext4 >"$1/usr/share/initramfs-tools/modules.d/lab"
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """`script` is run in the new root after the packages, `prepare` before most of them with `$1` as the root."""

    name: str
    suite: str
    packages: tuple[str, ...]
    script: str
    prepare: str = "true"


def of_container(suite: str) -> Recipe:
    """What systemd-nspawn boots: no kernel."""
    packages = (*_SYSTEM, *_HOSTPOD_RUNS_WITH, *_TESTS_LOOK_WITH)
    return Recipe(name=suite, suite=suite, packages=packages, script=_SCRIPT)


def of_machine(suite: str) -> Recipe:
    """What QEMU boots: with Debian's kernel for virtual machines, what it wants beside itself, and ssh."""
    base = of_container(suite)
    kernel = ("linux-image-cloud-amd64", "apparmor", "initramfs-tools", "openssh-server", "sudo")
    no_more = "systemctl mask --quiet ssh.socket; rm -f /etc/ssh/sshd_config.d/* /etc/network/interfaces"
    return Recipe(
        name=f"{suite}-vm",
        suite=suite,
        packages=(*base.packages, *kernel),
        script=f"{base.script}; {no_more}",
        prepare=_SMALL_INITRD,
    )


@contextmanager
def root_file_system(recipe: Recipe) -> Iterator[Path]:
    """Its directory; made in about a minute the first time, and not to be written to."""

    def build(directory: Path) -> None:
        _bootstrap(recipe, directory / "root")

    with made.made("rootfs", recipe.name, key(recipe), build) as directory:
        yield directory / "root"


def key(recipe: Recipe) -> str:
    """The same for the same recipe."""
    return made.key_of(recipe)


def archives(listing: str, codename: str) -> tuple[str, str | None]:
    """Of what apt's sources name (lines `URI RELEASE COMPONENT`): Debian's archive, and that of its security updates.

    UnreachableError where they name none.
    """
    named = [line.split() for line in listing.splitlines()]
    main = [uri for uri, release, component in named if component == "main" and release in (codename, "stable")]
    security = [uri for uri, release, _ in named if release in (f"{codename}-security", "stable-security")]
    if not main:
        raise UnreachableError(f"cannot make a root file system of Debian: apt's sources here name no {codename} main")
    debian = [uri for uri in main if uri.rstrip("/").endswith("/debian")]
    return (debian or main)[0], security[0] if security else None


def _sources(suite: str) -> Sequence[str]:
    """Of a suite, from where this machine has its own."""
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    listing = command(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"])
    debian, security = archives(listing, codename)
    sources = [f"deb {debian} {name} main" for name in (suite, f"{suite}-updates")]
    return [*sources, f"deb {security} {suite}-security main"] if security else sources


def _bootstrap(recipe: Recipe, root: Path) -> None:
    if shutil.which("mmdebstrap") is None:
        raise LabError("mmdebstrap is not installed, and root file systems are made with it: apt install mmdebstrap")
    suite = recipe.suite
    sources = _sources(suite)
    options = ["--quiet", "--mode=root", "--variant=apt", f"--include={','.join(recipe.packages)}"]
    hooks = [f"--essential-hook={recipe.prepare}", f'--customize-hook=chroot "$1" sh -euc "{recipe.script}"']
    try:
        command([*_ENDS_WITH_US, "mmdebstrap", *options, *hooks, suite, root, *sources], timeout_s=_BUILT_WITHIN_S)
    except LabError as error:
        if "apt-get update" in str(error):
            reason = "the archive of apt's sources cannot be reached"
            raise UnreachableError(f"cannot make a root file system of {suite}: {reason}") from error
        raise
