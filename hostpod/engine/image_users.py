"""Which pods use which images: those that they run from, are about to run from, and name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Protocol

from hostpod.engine.edges import Edges
from hostpod.engine.pull_secrets import pull_secrets
from hostpod.engine.state import PodState
from hostpod.images import Image, PullSecret
from hostpod.kube import Pod


class Pods(Protocol):
    """What is asked of the engine."""

    def states(self) -> Mapping[str, PodState]:
        """All pods that are on the host."""

    def wanted(self) -> Iterable[Pod]:
        """All pods that should be, on the host or not."""


class ImageUsers:
    """A pod uses what its manifest names also where no container of it lives just now: one that starts again needs it,
    and after a boot no pod is here yet."""

    def __init__(self, edges: Edges, pods: Pods) -> None:
        self._edges = edges
        self._pods = pods

    def all(self) -> Mapping[str, tuple[str, ...]]:
        """The pods that use each image, by its id, as NAMESPACE/NAME."""
        users: dict[str, set[str]] = {}
        for pod, images in chain(self._here(), self._named()):
            for image in images:
                users.setdefault(image, set()).add(_key(pod))
        return {image: tuple(sorted(names)) for image, names in users.items()}

    def in_use(self, image: Image) -> bool:
        """Whether a pod or a mounted root needs it."""
        return image.id in self._edges.images.in_use() or image.id in self.all()

    def secrets(self, image: Image) -> tuple[PullSecret, ...]:
        """Those of all pods that name the image."""
        users = {_key(pod): pod for pod in self._all_pods() if any(map(image.called, _references(pod)))}
        return tuple(secret for pod in users.values() for secret in pull_secrets(pod, self._edges))

    def by_name(self, image: Image, name: str) -> tuple[str, ...]:
        """The pods whose manifests name the image by this name."""
        users = (pod for pod in self._all_pods() if any(image.called(each) == name for each in _references(pod)))
        return tuple(sorted({_key(pod) for pod in users}))

    def _here(self) -> Iterator[tuple[Pod, Iterable[str]]]:
        for state in self._pods.states().values():
            ready = (image.id for image in state.images.values())
            ran = (record.image_id for record in state.containers.values())
            yield state.record.pod, chain(ready, ran, state.volume_images.values())

    def _named(self) -> Iterator[tuple[Pod, Iterable[str]]]:
        for pod in self._all_pods():
            found = (self._edges.images.find(reference) for reference in _references(pod))
            yield pod, (image.id for image in found if image is not None)

    def _all_pods(self) -> Iterator[Pod]:
        yield from (state.record.pod for state in self._pods.states().values())
        yield from self._pods.wanted()


def _references(pod: Pod) -> Iterator[str]:
    shown = (volume.image.reference for volume in pod.spec.volumes if volume.image is not None)
    yield from (each for each in chain((c.image for c in pod.spec.all_containers), shown) if each)


def _key(pod: Pod) -> str:
    return f"{pod.metadata.namespace or 'default'}/{pod.metadata.name}"
