"""The images of a pod: those that its containers run from, and those that its volumes show."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from hostpod.engine.edges import Edges
from hostpod.engine.events import EventLog
from hostpod.engine.pull_secrets import pull_secrets
from hostpod.engine.state import PodState
from hostpod.host.clock import now
from hostpod.host.mount import IdMap
from hostpod.host.user_namespace import make_with_users
from hostpod.images import Image, Preloaded, Progress
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
        await _mount(image, place, state.record.first_id, edges)
        mounted = image.id
    state.volume_images[volume] = mounted


async def _mount(image: Image, place: Path, first_id: int, edges: Edges) -> None:
    """With the pod's own ids, if it has any: its namespaces may not be there yet, and any with these ids will do."""
    if not first_id:
        await edges.images.mount_volume(image, target=place)
        return
    with closing(await make_with_users(first_id, kinds=())) as users:
        await edges.images.mount_volume(
            image, target=place, idmap=IdMap(namespace=users.path("user"), first_id=first_id)
        )


async def unmount_volume_images(uid: str, edges: Edges) -> None:
    """Nothing that volumes show of images is in use by the pod any more."""
    for place in edges.volumes.image_places(uid):
        await edges.images.unmount_rootfs(place)


def tell_preloaded(news: Preloaded, events: EventLog) -> None:
    """What became of an archive in the directory for machines that are never online."""
    if news.error:
        events.file(str(news.path), "FailedPreload", f"{news.path}: {news.error}")
        return
    names = ", ".join(name for image in news.images for name in (image.references or (image.id,)))
    events.node("Normal", "Preloaded", f"Loaded {names} from {news.path} in {duration_text(news.took_s)}")


async def _have(state: PodState, reference: str, policy: str | None, edges: Edges, *, container: str = "") -> Image:
    """Pull where the policy says so, and tell of it."""

    def tell(reason: str, message: str) -> None:
        edges.events.pod(state.record.pod, "Normal", reason, message, container=container)

    secrets = pull_secrets(state.record.pod, edges)
    if policy != "Always":
        await edges.images.preloaded(reference)
    pulls = policy == "Always" or (policy == "IfNotPresent" and not edges.images.is_at_hand(reference, secrets))
    begun = now()
    if pulls:
        tell("Pulling", f'Pulling image "{reference}"')
    at_work: list[float] = []  # when the pull's turn came, of those that wait for each other

    def heard(news: Progress) -> None:
        if not at_work and news.phase != "waiting":
            at_work.append(now())

    listener = heard if pulls else None
    image = await edges.images.ensure(reference, policy=_policy(policy), secrets=secrets, progress=listener)
    if at_work:
        ended = now()
        took, whole = duration_text(ended - at_work[0]), duration_text(ended - begun)
        message = (
            f'Successfully pulled image "{reference}" in {took} ({whole} including waiting). '
            f"Image size: {image.size_bytes} bytes."
        )
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


def duration_text(seconds: float) -> str:
    """As the kubelet writes durations in events: 523ms, 1.5s, 2m3.25s."""
    ms = max(0, int(seconds * 1000))
    if ms < 1000:
        return f"{ms}ms" if ms else "0s"
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
