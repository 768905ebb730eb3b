"""The images of a pod: those that its containers run from, and those that its volumes show."""

from __future__ import annotations

from hostpod.engine.edges import Edges
from hostpod.engine.state import PodState
from hostpod.host.clock import now
from hostpod.images import Image
from hostpod.images.image import PullPolicy


async def ensure_image(state: PodState, name: str, edges: Edges) -> None:
    """Have the image of a container."""
    container = state.record.pod.spec.container(name)
    reference = container.image or ""
    image = await _have(state, reference, container.image_pull_policy, edges, container=name)
    if state.record.pod.spec.container(name).image == reference:  # else its pod was changed meanwhile
        state.images[name] = image


async def ensure_volume_image(state: PodState, volume: str, edges: Edges) -> None:
    """Have the image of a volume mounted, once for the life of the pod: an earlier daemon may have done so."""
    place = edges.volumes.image_place(state.uid, volume)
    mounted = edges.images.mounted(place)
    if mounted is None:
        source = next(each.image for each in state.record.pod.spec.volumes if each.name == volume)
        assert source is not None, "the plan names volumes that show an image"
        image = await _have(state, source.reference or "", source.pull_policy, edges)
        place.mkdir(parents=True, exist_ok=True)
        await edges.images.mount_volume(image, target=place)
        mounted = image.id
    state.volume_images[volume] = mounted


async def unmount_volume_images(uid: str, edges: Edges) -> None:
    """Nothing that volumes show of images is in use by the pod any more."""
    for place in edges.volumes.image_places(uid):
        await edges.images.unmount_rootfs(place)


async def _have(state: PodState, reference: str, policy: str | None, edges: Edges, *, container: str = "") -> Image:
    """Pull where the policy says so, and tell of it."""

    def tell(reason: str, message: str) -> None:
        edges.events.pod(state.record.pod, "Normal", reason, message, container=container)

    pulls = policy == "Always" or (policy == "IfNotPresent" and edges.images.find(reference) is None)
    begun = now()
    if pulls:
        tell("Pulling", f'Pulling image "{reference}"')
    image = await edges.images.ensure(reference, policy=_policy(policy))
    if pulls:
        took = f"{now() - begun:.3g}s"
        message = f'Successfully pulled image "{reference}" in {took}. Image size: {image.size_bytes} bytes.'
    else:
        message = f'Container image "{reference}" already present on machine'
    tell("Pulled", message)
    return image


def _policy(policy: str | None) -> PullPolicy:
    match policy:
        case "Always" | "Never":
            return policy
        case _:
            return "IfNotPresent"
