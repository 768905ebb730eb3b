"""Rules for volumeMounts and volumeDevices: what a container sees of the pod's volumes."""

from __future__ import annotations

from collections.abc import Mapping

from hostpod.kube import Volume, VolumeDevice, VolumeMount
from hostpod.kube.container import ContainerFields
from hostpod.manifest.rules.formats import descending_path, relative_path
from hostpod.manifest.rules.violation import (
    Path,
    Violation,
    Violations,
    chosen,
    formatted,
    optional,
    quoted,
    required,
    unique,
)

PROPAGATIONS = ("None", "HostToContainer", "Bidirectional")
RECURSIVE_READ_ONLY = ("Disabled", "IfPossible", "Enabled")

Volumes = Mapping[str, Volume]


def volume_mounts(path: Path, container: ContainerFields, volumes: Volumes) -> Violations:
    """The mounts of one container: each of a volume of the pod, each at a place of its own."""
    privileged = container.security_context is not None and container.security_context.privileged is True
    for index, mount in enumerate(container.volume_mounts):
        yield from _reference((*path, index, "name"), mount.name, volumes)
        yield from _mount((*path, index), mount)
        if mount.mount_propagation == "Bidirectional" and not privileged:
            yield Violation(
                path=(*path, index, "mountPropagation"),
                message='"Bidirectional" changes the host\'s mounts, only a container with privileged: true may do so',
            )
    places = (((*path, index, "mountPath"), mount.mount_path) for index, mount in enumerate(container.volume_mounts))
    yield from unique(places, "{} is the place of another mount of this container, take another")


def _reference(path: Path, name: str, volumes: Volumes) -> Violations:
    if name and name not in volumes:
        yield Violation(path=path, message=f"{quoted(name)} is no volume of this pod, write one of spec.volumes")
    yield from required(path, name, "name one of spec.volumes")


def _mount(path: Path, mount: VolumeMount) -> Violations:
    yield from required((*path, "mountPath"), mount.mount_path, "write a path in the container")
    yield from optional((*path, "subPath"), mount.sub_path, relative_path)
    yield from optional((*path, "subPathExpr"), mount.sub_path_expr, relative_path)
    if mount.sub_path and mount.sub_path_expr:
        yield Violation(path=(*path, "subPathExpr"), message='stands beside "subPath", only one of them may be set')
    yield from chosen((*path, "mountPropagation"), mount.mount_propagation, PROPAGATIONS)
    yield from chosen((*path, "recursiveReadOnly"), mount.recursive_read_only, RECURSIVE_READ_ONLY)
    if mount.recursive_read_only in ("IfPossible", "Enabled"):
        yield from _recursive_read_only((*path, "recursiveReadOnly"), mount)


def _recursive_read_only(path: Path, mount: VolumeMount) -> Violations:
    if not mount.read_only:
        yield Violation(path=path, message="needs readOnly: true")
    if mount.mount_propagation not in (None, "None"):
        yield Violation(path=path, message="needs mountPropagation: None")


def volume_devices(path: Path, container: ContainerFields, volumes: Volumes) -> Violations:
    """The block devices of one container: claimed storage that is not also mounted."""
    for index, device in enumerate(container.volume_devices):
        yield from _reference((*path, index, "name"), device.name, volumes)
        yield from _device((*path, index), device, volumes)
        yield from _not_mounted((*path, index), device, container.volume_mounts)
    names = [((*path, index, "name"), device.name) for index, device in enumerate(container.volume_devices)]
    yield from unique(names, "{} is used by another device of this container")
    places = [
        ((*path, index, "devicePath"), device.device_path) for index, device in enumerate(container.volume_devices)
    ]
    yield from unique(places, "{} is the place of another device of this container, take another")


def _device(path: Path, device: VolumeDevice, volumes: Volumes) -> Violations:
    yield from required((*path, "devicePath"), device.device_path, "write a path in the container")
    yield from formatted((*path, "devicePath"), device.device_path, descending_path)
    volume = volumes.get(device.name)
    if volume is not None and volume.persistent_volume_claim is None and volume.ephemeral is None:
        yield Violation(path=(*path, "name"), message="only a persistentVolumeClaim or ephemeral volume is a device")


def _not_mounted(path: Path, device: VolumeDevice, mounts: tuple[VolumeMount, ...]) -> Violations:
    if device.name in {mount.name for mount in mounts}:
        yield Violation(path=(*path, "name"), message=f"{quoted(device.name)} is in volumeMounts too, take one of both")
    if device.device_path in {mount.mount_path for mount in mounts}:
        yield Violation(path=(*path, "devicePath"), message="is the place of one of volumeMounts, take another")
