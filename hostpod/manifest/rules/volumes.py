"""Rules for the volumes of a pod: one source each, and what every kind of source needs."""

from __future__ import annotations

from collections.abc import Iterator

from hostpod.kube import (
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    EphemeralVolumeSource,
    HostPathVolumeSource,
    ImageVolumeSource,
    KubeModel,
    PersistentVolumeClaimVolumeSource,
    Pod,
    ProjectedVolumeSource,
    Volume,
)
from hostpod.kube.volume_sources import ConfigMapVolumeSource, SecretVolumeSource
from hostpod.manifest.rules.claims import claim_template
from hostpod.manifest.rules.files import config_map, downward_api, projected, secret
from hostpod.manifest.rules.formats import descending_path, dns_label, dns_subdomain, trimmed
from hostpod.manifest.rules.storage import storage
from hostpod.manifest.rules.violation import (
    Path,
    Violation,
    Violations,
    chosen,
    exactly_one,
    formatted,
    named,
    optional,
    quoted,
    required,
    unique,
)

HOST_PATH_TYPES = (
    "",
    "DirectoryOrCreate",
    "Directory",
    "FileOrCreate",
    "File",
    "Socket",
    "CharDevice",
    "BlockDevice",
)
PULL_POLICIES = ("Always", "IfNotPresent", "Never")

_SOURCES = {name: field.alias or name for name, field in Volume.model_fields.items() if name != "name"}


def volumes(path: Path, pod: Pod) -> Violations:
    """All volumes of a pod."""
    for index, volume in enumerate(pod.spec.volumes):
        yield from named((*path, index, "name"), volume.name, dns_label)
        yield from _sources((*path, index), volume)
        if volume.ephemeral is not None:
            yield from formatted((*path, index, "name"), f"{pod.name}-{volume.name}", dns_subdomain)
    names = (((*path, index, "name"), volume.name) for index, volume in enumerate(pod.spec.volumes) if volume.name)
    yield from unique(names, "{} is the name of another volume, take another")
    yield from _made_claims(path, pod)


def _sources(path: Path, volume: Volume) -> Violations:
    present = dict(_present(volume))
    yield from exactly_one(path, present, ("emptyDir", "hostPath", "configMap", "secret", "another kind of volume"))
    for name, source in present.items():
        yield from _source((*path, name), source)


def _present(volume: Volume) -> Iterator[tuple[str, KubeModel]]:
    for attribute, name in _SOURCES.items():
        source = getattr(volume, attribute)
        if source is not None:
            yield name, source


def _source(path: Path, source: KubeModel) -> Violations:
    match source:
        case EmptyDirVolumeSource():
            yield from _empty_dir(path, source)
        case HostPathVolumeSource():
            yield from required((*path, "path"), source.path, "write a path on the host")
            yield from formatted((*path, "path"), source.path, descending_path)
            yield from chosen((*path, "type"), source.type, HOST_PATH_TYPES)
        case ConfigMapVolumeSource():
            yield from config_map(path, source)
        case SecretVolumeSource():
            yield from secret(path, source)
        case DownwardAPIVolumeSource():
            yield from downward_api(path, source)
        case ProjectedVolumeSource():
            yield from projected(path, source)
        case _:
            yield from _storage(path, source)


def _storage(path: Path, source: KubeModel) -> Violations:
    match source:
        case PersistentVolumeClaimVolumeSource():
            yield from required((*path, "claimName"), source.claim_name)
        case EphemeralVolumeSource():
            yield from required((*path, "volumeClaimTemplate"), source.volume_claim_template)
            if source.volume_claim_template is not None:
                yield from claim_template((*path, "volumeClaimTemplate"), source.volume_claim_template)
        case ImageVolumeSource():
            yield from required((*path, "reference"), source.reference, "a volume of no image is not supported")
            yield from optional((*path, "reference"), source.reference, trimmed)
            yield from chosen((*path, "pullPolicy"), source.pull_policy, PULL_POLICIES)
        case _:
            yield from storage(path, source)


def _empty_dir(path: Path, source: EmptyDirVolumeSource) -> Violations:
    if source.size_limit is not None and source.size_limit.nano < 0:
        yield Violation(
            path=(*path, "sizeLimit"), message=f"{quoted(source.size_limit)} is negative, must be 0 or more"
        )


def _made_claims(path: Path, pod: Pod) -> Violations:
    """A claim that is made for an ephemeral volume belongs to that volume alone."""
    made = {f"{pod.name}-{volume.name}" for volume in pod.spec.volumes if volume.ephemeral is not None}
    for index, volume in enumerate(pod.spec.volumes):
        claim = volume.persistent_volume_claim
        if claim is not None and claim.claim_name in made:
            yield Violation(
                path=(*path, index, "persistentVolumeClaim", "claimName"),
                message=f"{quoted(claim.claim_name)} is made for an ephemeral volume of this pod, it cannot be shared",
            )
