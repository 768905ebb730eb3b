"""nfs: a directory of a server, mounted for the pod by the host's own mount(8)."""

from __future__ import annotations

from pathlib import Path

from hostpod.host.mount import mounted_at
from hostpod.host.process import CommandError, run
from hostpod.kube import NFSVolumeSource
from hostpod.volumes.errors import VolumeError

# Where mount(8) looks for it, whatever PATH says.
HELPER = Path("/sbin/mount.nfs")
# mount.nfs itself tries for two minutes; the pod's own back-off is what repeats here.
_TIMEOUT_S = 60


def mount_command(source: NFSVolumeSource, place: Path) -> tuple[str, ...]:
    """What mounts it. Pure. An IPv6 address stands in brackets, as the kubelet has it."""
    server = source.server
    if ":" in server and not server.startswith("["):
        server = f"[{server}]"
    options = ("-o", "ro") if source.read_only else ()
    return ("mount", "-t", "nfs", *options, "--", f"{server}:{source.path}", str(place))


async def open_nfs(source: NFSVolumeSource, place: Path) -> None:
    """Mount it at `place`, which is made; what is mounted stays, and is not asked whether its server answers."""
    if mounted_at(place):
        return
    _make_ready(place)
    try:
        await run(mount_command(source, place), timeout_s=_TIMEOUT_S)
    except CommandError as error:
        raise VolumeError(f"cannot mount it: {error}") from error


def _make_ready(place: Path) -> None:
    if not HELPER.exists():
        raise VolumeError(f"this host cannot mount NFS, it has no {HELPER}: install nfs-common")
    place.mkdir(parents=True, exist_ok=True)
