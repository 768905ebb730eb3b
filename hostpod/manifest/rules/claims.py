"""Rules for claims of storage that are made for a pod, and for claims of devices."""

from __future__ import annotations

from collections.abc import Mapping

from hostpod.kube import (
    ObjectMeta,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PersistentVolumeClaimTemplate,
    PodResourceClaim,
    TypedLocalObjectReference,
    TypedObjectReference,
)
from hostpod.manifest.rules.formats import dns_label, dns_subdomain
from hostpod.manifest.rules.metadata import annotation_map, label_map, object_metadata
from hostpod.manifest.rules.selectors import label_selector
from hostpod.manifest.rules.violation import (
    Path,
    Violation,
    Violations,
    chosen,
    exactly_one,
    forbidden,
    formatted,
    named,
    optional,
    quoted,
    required,
    unique,
)

ACCESS_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
VOLUME_MODES = ("Filesystem", "Block")

_ALLOWED_METADATA = ("labels", "annotations")


def validate_claim(value: PersistentVolumeClaim) -> tuple[Violation, ...]:
    """Every rule of Kubernetes that a claim breaks."""
    metadata = object_metadata(("metadata",), value.metadata, what="a PersistentVolumeClaim")
    return (*metadata, *_claim(("spec",), value.spec))


def claim_template(path: Path, template: PersistentVolumeClaimTemplate) -> Violations:
    """A claim that is made for a pod, with labels and annotations of its own and no other metadata."""
    yield from _template_metadata((*path, "metadata"), template.metadata)
    yield from _claim((*path, "spec"), template.spec)


def _template_metadata(path: Path, metadata: ObjectMeta) -> Violations:
    yield from label_map((*path, "labels"), metadata.labels)
    yield from annotation_map((*path, "annotations"), metadata.annotations)
    for attribute, field in ObjectMeta.model_fields.items():
        if attribute not in _ALLOWED_METADATA:
            name = field.alias or attribute
            yield from forbidden((*path, name), getattr(metadata, attribute), "must be left away, the pod decides it")


def _claim(path: Path, claim: PersistentVolumeClaimSpec) -> Violations:
    yield from _access((*path, "accessModes"), claim.access_modes)
    yield from label_selector((*path, "selector"), claim.selector)
    yield from _size((*path, "resources", "requests", "storage"), claim)
    yield from optional((*path, "storageClassName"), claim.storage_class_name, dns_subdomain)
    yield from optional((*path, "volumeAttributesClassName"), claim.volume_attributes_class_name, dns_subdomain)
    yield from chosen((*path, "volumeMode"), claim.volume_mode, VOLUME_MODES)
    yield from _origin((*path, "dataSource"), claim.data_source)
    yield from _origin((*path, "dataSourceRef"), claim.data_source_ref)
    yield from _one_origin((*path, "dataSource"), claim)


def _access(path: Path, modes: tuple[str, ...]) -> Violations:
    yield from required(path, modes, f"write one of {', '.join(ACCESS_MODES)}")
    for index, mode in enumerate(modes):
        yield from chosen((*path, index), mode, ACCESS_MODES)
    if "ReadWriteOncePod" in modes and len(set(modes)) > 1:
        yield Violation(path=path, message='"ReadWriteOncePod" must be the only mode')


def _size(path: Path, claim: PersistentVolumeClaimSpec) -> Violations:
    size = claim.resources.requests.get("storage")
    yield from required(path, size, "say how much storage is claimed")
    if size is not None and size.nano <= 0:
        yield Violation(path=path, message=f"{quoted(size)} is too small, must be more than 0")


def _origin(path: Path, origin: TypedLocalObjectReference | TypedObjectReference | None) -> Violations:
    if origin is None:
        return
    yield from required((*path, "name"), origin.name)
    yield from required((*path, "kind"), origin.kind)
    if not origin.api_group and origin.kind != "PersistentVolumeClaim":
        yield Violation(path=(*path, "kind"), message='must be "PersistentVolumeClaim", or name an apiGroup')
    yield from optional((*path, "apiGroup"), origin.api_group, dns_subdomain)
    if isinstance(origin, TypedObjectReference):
        yield from optional((*path, "namespace"), origin.namespace, dns_label)


def _one_origin(path: Path, claim: PersistentVolumeClaimSpec) -> Violations:
    source, reference = claim.data_source, claim.data_source_ref
    if source is None or reference is None:
        return
    if reference.namespace:
        yield Violation(path=path, message="must be left away, dataSourceRef names another namespace")
    elif (source.api_group, source.kind, source.name) != (reference.api_group, reference.kind, reference.name):
        yield Violation(path=path, message="must be the same as dataSourceRef, or be left away")


def resource_claims(path: Path, claims: tuple[PodResourceClaim, ...]) -> Violations:
    """Claims of devices: a scheduler grants them, so a pod of this host alone cannot have any."""
    if claims:
        yield Violation(path=path, message="must be left away, a cluster's scheduler grants them")
    for index, claim in enumerate(claims):
        yield from named((*path, index, "name"), claim.name, dns_label)
        yield from _claim_source((*path, index), claim)
    names = (((*path, index, "name"), claim.name) for index, claim in enumerate(claims) if claim.name)
    yield from unique(names, "{} is the name of another claim, take another")


def _claim_source(path: Path, claim: PodResourceClaim) -> Violations:
    sources: Mapping[str, str | None] = {
        "resourceClaimName": claim.resource_claim_name,
        "resourceClaimTemplateName": claim.resource_claim_template_name,
    }
    present = {name: value for name, value in sources.items() if value is not None}
    yield from exactly_one(path, present, sources)
    for name, value in present.items():
        yield from formatted((*path, name), value, dns_subdomain)
