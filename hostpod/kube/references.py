"""The ConfigMaps and Secrets that a pod names: when one of them changes, this pod is looked at again, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from hostpod.kube.config import ConfigKey
from hostpod.kube.container import Container
from hostpod.kube.env import EnvVarSource
from hostpod.kube.pod import Pod
from hostpod.kube.volume import Volume

CONFIG_MAP = "ConfigMap"
SECRET = "Secret"  # noqa: S105 - the kind


def config_references(pod: Pod) -> frozenset[ConfigKey]:
    """All that a pod names in variables, in volumes and for its images, whether it is there or not."""
    of_containers = (_of_container(container) for container in pod.spec.all_containers)
    named = chain(chain.from_iterable(of_containers), chain.from_iterable(map(_of_volume, pod.spec.volumes)))
    return frozenset((kind, pod.namespace, name) for kind, name in named if name) | pull_secret_references(pod)


def pull_secret_references(pod: Pod) -> frozenset[ConfigKey]:
    """The Secrets that its images are pulled with; Kubernetes lets a reference be empty, and means nothing by it."""
    return frozenset((SECRET, pod.namespace, each.name) for each in pod.spec.image_pull_secrets if each.name)


def missing(kind: str, name: str, namespace: str) -> str:
    """What is said of one that no manifest has: the kubelet's words, and what to do."""
    what = f'{kind.lower()} "{name}" not found'
    return f"{what}: no manifest has a {kind} of this name in namespace {namespace}; add one, or mark it optional"


def _of_container(container: Container) -> Iterator[tuple[str, str | None]]:
    for bulk in container.env_from:
        if bulk.config_map_ref is not None:
            yield CONFIG_MAP, bulk.config_map_ref.name
        if bulk.secret_ref is not None:
            yield SECRET, bulk.secret_ref.name
    for variable in container.env:
        if variable.value_from is not None:
            yield from _of_variable(variable.value_from)


def _of_variable(source: EnvVarSource) -> Iterator[tuple[str, str | None]]:
    if source.config_map_key_ref is not None:
        yield CONFIG_MAP, source.config_map_key_ref.name
    if source.secret_key_ref is not None:
        yield SECRET, source.secret_key_ref.name


def _of_volume(volume: Volume) -> Iterator[tuple[str, str | None]]:
    if volume.config_map is not None:
        yield CONFIG_MAP, volume.config_map.name
    if volume.secret is not None:
        yield SECRET, volume.secret.secret_name
    for projection in volume.projected.sources if volume.projected is not None else ():
        if projection.config_map is not None:
            yield CONFIG_MAP, projection.config_map.name
        if projection.secret is not None:
            yield SECRET, projection.secret.name
