"""Volumes that show the files of an image: which there are, and what people are told of mounts. Pure."""

from __future__ import annotations

from hostpod.kube import Container, ImageVolumeStatus, Pod, VolumeMountStatus, VolumeStatus
from hostpod.plan.observed import ObservedPod


def image_volumes(pod: Pod) -> dict[str, str]:
    """The references of images by the names of the volumes that show them."""
    return {volume.name: volume.image.reference or "" for volume in pod.spec.volumes if volume.image is not None}


def shown_to(container: Container, pod: Pod) -> dict[str, str]:
    """Those of them that a container mounts."""
    mounted = {mount.name for mount in container.volume_mounts}
    return {name: reference for name, reference in image_volumes(pod).items() if name in mounted}


def has_volume_images(container: Container, seen: ObservedPod) -> bool:
    """Whether all images that a container mounts are there."""
    return shown_to(container, seen.pod).keys() <= seen.volume_images.keys()


def mount_statuses(container: Container, seen: ObservedPod) -> tuple[VolumeMountStatus, ...]:
    """The mounts of a container as the kubelet tells of them: what can be recursively read-only is so on this host."""
    return tuple(
        VolumeMountStatus(
            name=mount.name,
            mount_path=mount.mount_path,
            read_only=mount.read_only,
            recursive_read_only=_recursive(mount.recursive_read_only) if mount.read_only else None,
            volume_status=_of_image(seen.volume_images.get(mount.name)),
        )
        for mount in container.volume_mounts
    )


def _recursive(wanted: str | None) -> str:
    return "Enabled" if wanted in ("IfPossible", "Enabled") else "Disabled"


def _of_image(image_id: str | None) -> VolumeStatus | None:
    return VolumeStatus(image=ImageVolumeStatus(image_ref=image_id)) if image_id else None
